//! What the side lines of one recording say.

use serde_json::Value;

use super::project::project;
use super::side::{End, Header, Settings, SideLine};

/// What a recording tells about itself: the first header, the latest settings and end.
///
/// Derivations are not kept here, since there may be many thousands: whoever reads the recording takes
/// them as they come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Contents {
    /// How the recording came about; `None` where the log is none of nixlog's own recordings.
    pub header: Option<Box<Header>>,
    /// What Nix was set to.
    pub settings: Option<Settings>,
    /// How the command ended; `None` where the recording stops early.
    pub end: Option<End>,
    /// Side lines that could not be read.
    pub unreadable: u64,
}

impl Contents {
    /// Takes in what follows [`MARK`](super::MARK) in a side line; hands back what it does not keep.
    pub fn push<'a>(&mut self, json: &'a str) -> Option<SideLine<'a>> {
        match SideLine::parse(json) {
            Some(SideLine::Header(header)) => {
                self.header.get_or_insert(header);
            }
            Some(SideLine::Settings(settings)) => self.settings = Some(settings),
            Some(SideLine::End(end)) => self.end = Some(end),
            // The timeline's own.
            Some(SideLine::Unit(_) | SideLine::Other) => {}
            Some(other) => return Some(other),
            None => self.unreadable += 1,
        }
        None
    }

    /// Returns the number of builds that Nix was allowed to run at once on its own machine: by the
    /// command line, else by its settings; `None` where neither tells.
    #[must_use]
    pub fn max_jobs(&self) -> Option<u32> {
        self.jobs("max-jobs", Some("-j"))
    }

    /// Returns the number of substitutions that Nix was allowed to run at once, likewise.
    #[must_use]
    pub fn max_substitution_jobs(&self) -> Option<u32> {
        self.jobs("max-substitution-jobs", None)
    }

    /// Returns the number of build users, each of which runs one build at a time; `None` where it is not
    /// known, or where Nix makes as many as it needs.
    #[must_use]
    pub fn build_users(&self) -> Option<u32> {
        let settings = self.settings.as_ref()?;
        let on = |name: &str| settings.settings.get(name).is_some_and(|set| set == true);
        settings
            .build_users
            .filter(|&users| users > 0 && !on("auto-allocate-uids"))
    }

    /// Returns what `nix --version` printed when it was recorded.
    #[must_use]
    pub fn nix_version(&self) -> Option<&str> {
        self.settings.as_ref()?.nix_version.as_deref()
    }

    /// Returns what was built, without what changes from run to run; `None` where the command is not known.
    #[must_use]
    pub fn project(&self) -> Option<String> {
        project(self.header.as_deref()?)
    }

    /// Returns what a setting was: by the command line, else by what Nix said; `None` where neither tells.
    /// What the command line says is text.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<Value> {
        let told = self.header.as_deref().and_then(|header| {
            let told = told_setting(&header.command, name)?;
            Some(Value::from(told))
        });
        told.or_else(|| self.settings.as_ref()?.settings.get(name).cloned())
    }

    /// Returns whether a setting was on, likewise: `--no-substitute` turns `substitute` off.
    #[must_use]
    pub fn is_on(&self, name: &str) -> Option<bool> {
        let words = self
            .header
            .as_deref()
            .map(|header| own_words(&header.command));
        let flag = words.into_iter().flatten().rev().find_map(|word| {
            let word = word.strip_prefix("--")?;
            match word.strip_prefix("no-") {
                Some(word) => (word == name).then_some(false),
                None => (word == name).then_some(true),
            }
        });
        flag.or_else(|| match self.setting(name)? {
            Value::Bool(on) => Some(on),
            Value::String(text) => Some(text == "true"),
            _ => None,
        })
    }

    fn jobs(&self, setting: &str, short: Option<&str>) -> Option<u32> {
        let header = self.header.as_deref()?;
        if let Some(told) = told_jobs(&header.command, setting, short) {
            return told.or_else(|| u32::try_from(header.cores?).ok());
        }
        let set = self.settings.as_ref()?.settings.get(setting)?;
        set.as_u64().and_then(|jobs| u32::try_from(jobs).ok())
    }
}

/// Returns the words of a command line that are Nix's, and not those of a command that it runs.
fn own_words(command: &[String]) -> std::vec::IntoIter<&str> {
    let words = command.iter().map(String::as_str);
    let own: Vec<&str> = words.take_while(|&word| word != "--").collect();
    own.into_iter()
}

/// Returns what a command line says of a setting, where it takes a value.
fn told_setting<'a>(command: &'a [String], name: &str) -> Option<&'a str> {
    let mut words = own_words(command);
    let mut told = None;
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--") {
            Some("option") if words.clone().next() == Some(name) => words.nth(1),
            Some(long) if long == name => words.next(),
            _ => None,
        };
        told = value.or(told);
    }
    told
}

/// Returns what a command line says of a number of jobs: a number, or `Some(None)` for `auto`.
fn told_jobs(command: &[String], setting: &str, short: Option<&str>) -> Option<Option<u32>> {
    let value = |text: &str| match text {
        "auto" => Some(None),
        number => number.parse().ok().map(Some),
    };
    let long = |word: &str| {
        word.strip_prefix("--")?
            .strip_prefix(setting)
            .map(str::to_owned)
    };
    let mut words = command
        .iter()
        .map(String::as_str)
        .take_while(|&word| word != "--");
    let mut told = None;
    while let Some(word) = words.next() {
        let found = match (word, long(word).as_deref()) {
            (_, Some("")) => words.next().and_then(value),
            (_, Some(rest)) => rest.strip_prefix('=').and_then(value),
            ("--option", _) if words.clone().next() == Some(setting) => {
                words.nth(1).and_then(value)
            }
            _ if Some(word) == short => words.next().and_then(value),
            _ => short
                .and_then(|short| word.strip_prefix(short))
                .and_then(value),
        };
        told = found.or(told);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_jobs_of_a_command_line() {
        let cases: [(&str, Option<Option<u32>>); 8] = [
            ("nix build .#foo", None),
            ("nix build -j 4 .#foo", Some(Some(4))),
            ("nix build -j4 --max-jobs 8", Some(Some(8))),
            ("nix-build --max-jobs auto", Some(None)),
            ("nix build --option max-jobs 2", Some(Some(2))),
            ("nix build --option cores 2", None),
            ("nix run .#x -- -j 9", None),
            ("nix build -j", None),
        ];
        for (command, want) in cases {
            let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
            assert_eq!(told_jobs(&words, "max-jobs", Some("-j")), want, "{command}");
        }
    }

    #[test]
    fn settings_of_a_command_line() {
        let mut contents = Contents::default();
        let words = "\"nix\",\"build\",\"--option\",\"substituters\",\"http://a http://b\",\"--no-substitute\",\
                     \"--http-connections\",\"5\",\"--\",\"--substitute\",\"--option\",\"connect-timeout\",\"1\"";
        contents.push(&format!("{{\"type\":\"header\",\"command\":[{words}]}}"));
        contents.push(r#"{"type":"settings","settings":{"substitute":true,"connect-timeout":7,"fallback":true}}"#);
        let text = |text: &str| Some(Value::from(text));
        assert_eq!(contents.setting("substituters"), text("http://a http://b"));
        assert_eq!(contents.setting("http-connections"), text("5"));
        assert_eq!(contents.setting("connect-timeout"), Some(Value::from(7)));
        assert_eq!(contents.is_on("substitute"), Some(false));
        assert_eq!(contents.is_on("fallback"), Some(true));
        assert_eq!(contents.is_on("require-sigs"), None);
    }

    #[test]
    fn the_command_line_wins_over_settings() {
        let mut contents = Contents::default();
        assert_eq!(contents.max_jobs(), None);
        contents.push(r#"{"type":"header","cores":16,"command":["nix","build"]}"#);
        assert_eq!(contents.max_jobs(), None);
        contents.push(r#"{"type":"settings","settings":{"max-jobs":3}}"#);
        assert_eq!(contents.max_jobs(), Some(3));
        contents.push(r#"{"type":"settings","settings":{"max-jobs":3,"max-substitution-jobs":5}}"#);
        assert_eq!(contents.max_jobs(), Some(3));
        assert_eq!(contents.max_substitution_jobs(), Some(5));
        assert_eq!(contents.build_users(), None);
        contents.push(r#"{"type":"settings","settings":{"max-jobs":3},"build_users":10}"#);
        assert_eq!(contents.build_users(), Some(10));
        contents
            .push(r#"{"type":"settings","settings":{"auto-allocate-uids":true},"build_users":10}"#);
        assert_eq!(contents.build_users(), None);
        contents.push(r#"{"type":"settings","settings":{"max-jobs":3}}"#);
        contents.header = None;
        contents.push(r#"{"type":"header","cores":16,"command":["nix","build","-j","auto"]}"#);
        assert_eq!(contents.max_jobs(), Some(16));
        assert!(contents.push("{\"type\":\"he").is_none());
        assert_eq!(contents.unreadable, 1);
    }
}
