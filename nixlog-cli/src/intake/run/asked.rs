//! How much a command was asked to say: we ask Nix for everything, and show what it would have shown.

use nixlog_core::wire::event::Level;

/// What whoever typed a command wants to see of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Messages up to this level.
    pub(crate) level: Level,
    /// Nix prints the build logs, where nothing moves on a terminal.
    pub(crate) build_logs: bool,
    /// Somebody asked for them in so many words.
    pub(crate) wants_build_logs: bool,
}

impl Asked {
    /// Everything that comes.
    pub(crate) const EVERYTHING: Self = Self {
        level: Level(u8::MAX),
        build_logs: true,
        wants_build_logs: false,
    };

    /// Reads Nix's own words of a command line. `prints_logs` says whether build logs are printed unless
    /// somebody asks for the contrary: `nix-build` does, `nix build` does not.
    pub(crate) fn read<'a>(words: impl Iterator<Item = &'a str>, prints_logs: bool) -> Self {
        let mut asked = Self {
            level: Level::INFO,
            build_logs: prints_logs,
            wants_build_logs: false,
        };
        for word in words {
            match word {
                "--verbose" => asked.louder(),
                "--quiet" => asked.level.0 = asked.level.0.saturating_sub(1),
                "--debug" => asked.level = Level(6),
                "--print-build-logs" => asked.wants_build_logs = true,
                "--no-build-output" => asked.build_logs = false,
                _ => asked.letters(word),
            }
        }
        asked.build_logs |= asked.wants_build_logs;
        asked
    }

    fn louder(&mut self) {
        self.level.0 = self.level.0.saturating_add(1);
    }

    /// Reads short options, which may stand together: `-vL`.
    fn letters(&mut self, word: &str) {
        let letters = word.strip_prefix('-').unwrap_or_default();
        if !letters.chars().all(|letter| "vLQ".contains(letter)) {
            return;
        }
        for letter in letters.chars() {
            match letter {
                'v' => self.louder(),
                'L' => self.wants_build_logs = true,
                _ => self.build_logs = false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_loud_as_was_asked_for() {
        let cases = [
            ("", (3, false, false)),
            ("-L", (3, true, true)),
            ("--print-build-logs", (3, true, true)),
            ("-vL", (4, true, true)),
            ("-vv", (5, false, false)),
            ("-v --verbose", (5, false, false)),
            ("--quiet", (2, false, false)),
            ("--quiet --quiet --quiet --quiet", (0, false, false)),
            ("--quiet -L", (2, true, true)),
            ("--debug", (6, false, false)),
            ("-", (3, false, false)),
            ("-f L", (3, false, false)),
        ];
        for (words, (level, build_logs, wants_build_logs)) in cases {
            let want = Asked {
                level: Level(level),
                build_logs,
                wants_build_logs,
            };
            assert_eq!(Asked::read(words.split(' '), false), want, "{words}");
        }
        let legacy = |words: &str| Asked::read(words.split(' '), true).build_logs;
        assert!(legacy("") && legacy("--quiet"));
        assert!(!legacy("-Q") && !legacy("--no-build-output"));
    }
}
