//! What a word on the command line means as an input.
//!
//! In this order, so that a word keeps its meaning whatever else is recorded: `-`; `last` and `last~N`,
//! always runs (`./last` is the file); a file; a run's name; the beginning of a run's id, or of the digits
//! that stand for it in lists. What the store knows (`crate::evidence::reconstruct`) comes between `last` and files, and neither a name nor an id looks like it.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use nixlog_core::analysis::sufficiency::HOW_TO_STAMP;
use nixlog_core::report::format::short_id;
use uuid::Uuid;

use super::list::Run;
use super::names::Names;
use super::place::Place;
use crate::base::error::CliError;

/// The run that was recorded last.
pub(crate) const LAST: &str = "last";

/// The least digits of an id; fewer are more likely something else.
const SHORTEST: usize = 4;

/// An input.
#[derive(Debug)]
pub(crate) enum Selected {
    Stdin,
    File(PathBuf),
    Run(Chosen),
}

/// A run, and how it was asked for.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// The word that means it.
    pub(crate) word: String,
    pub(crate) run: Run,
    pub(crate) name: Option<String>,
}

/// Finds the input that a word means; without a word, standard input where something `is_piped` into
/// it, else the last run.
pub(crate) fn input(word: Option<&Path>, is_piped: bool) -> Result<Selected, CliError> {
    let Some(path) = word else {
        return match is_piped {
            true => Ok(Selected::Stdin),
            false => Store::open()?.last().map(Selected::Run),
        };
    };
    if path == Path::new("-") {
        return Ok(Selected::Stdin);
    }
    let file = || Ok(Selected::File(path.to_owned()));
    let Some(word) = path.to_str() else {
        return file();
    };
    if !is_last(word) {
        let metadata = path.metadata();
        let is_name_of_a_run = could_be_a_run(word)
            && metadata.as_ref().is_ok_and(std::fs::Metadata::is_dir)
            && Store::open().is_ok_and(|store| store.find(word).is_ok());
        if (metadata.is_ok() && !is_name_of_a_run) || !could_be_a_run(word) {
            return file();
        }
    }
    match Store::open() {
        // Where there are no runs to be found, the word is a file that is not there.
        Err(_) if !is_last(word) => file(),
        store => store?.find(word).map(Selected::Run),
    }
}

/// Finds the run that a word means, whatever files there are.
pub(crate) fn run(word: &str) -> Result<Chosen, CliError> {
    let mut store = Store::open()?;
    store.only_runs = true;
    store.find(word)
}

/// Tells whether a word is `last`, or `last~` and a number: always a run.
pub(crate) fn is_last(word: &str) -> bool {
    word == LAST || word.strip_prefix("last~").is_some_and(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tells whether a word could be the beginning of an id.
pub(crate) fn is_id(word: &str) -> bool {
    digits(word).is_some()
}

/// Returns the digits of the beginning of an id, which may have hyphens.
fn digits(word: &str) -> Option<String> {
    let plain = word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let digits = word.replace('-', "").to_ascii_lowercase();
    (plain && !word.starts_with('-') && (SHORTEST..=32).contains(&digits.len())).then_some(digits)
}

/// Tells whether a word has the form of a run's name or id, rather than that of a path.
fn could_be_a_run(word: &str) -> bool {
    is_last(word) || is_id(word) || super::names::objection(word).is_none()
}

/// The runs and their names.
#[derive(Debug)]
pub(crate) struct Store {
    /// Newest first.
    pub(crate) runs: Vec<Run>,
    pub(crate) names: Names,
    /// Files are not asked for.
    only_runs: bool,
}

/// What a word means among runs, as places in the list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    Run(usize),
    /// The beginning of several ids.
    Ambiguous(Vec<usize>),
    /// A name whose run is gone.
    Gone,
    /// There are fewer runs than that: so many.
    TooFewRuns(usize),
    Nothing,
}

impl Place {
    /// Finds the folder, or says that there is none.
    pub(crate) fn known() -> Result<Self, CliError> {
        Self::find().map_err(|error| {
            CliError::new("cannot find the folder of recorded runs").because(error)
        })
    }
}

impl Store {
    /// Reads which runs there are, and what they are called.
    pub(crate) fn open() -> Result<Self, CliError> {
        Self::read(&Place::known()?)
    }

    /// Reads which runs there are in a place, and what they are called.
    pub(crate) fn read(place: &Place) -> Result<Self, CliError> {
        let runs = place.list().map_err(|error| {
            let folder = place.runs();
            CliError::new(format!(
                "cannot read the recorded runs in `{}`",
                folder.display()
            ))
            .because(error)
            .hint("`NIXLOG_DIR` sets another folder")
        })?;
        let names = place.read_names();
        Ok(Self {
            runs,
            names,
            only_runs: false,
        })
    }

    /// Returns the last run, where nothing was said.
    fn last(self) -> Result<Chosen, CliError> {
        if self.runs.is_empty() {
            let missing =
                CliError::new("no input: nothing is piped in, and no run is recorded yet");
            return Err(how_to_record(missing)
                .hint("or name a log file: nixlog phases build.log")
                .hint("or pipe a build in: nix build … --log-format internal-json -v |& nixlog phases"));
        }
        self.find(LAST)
    }

    /// Finds the run that a word means.
    pub(crate) fn find(mut self, word: &str) -> Result<Chosen, CliError> {
        let meaning = meaning(word, &self.runs, &self.names, Run::has_ended);
        let place = match meaning {
            Meaning::Run(place) => place,
            Meaning::Ambiguous(places) => return Err(self.ambiguous(word, &places)),
            Meaning::Gone => {
                return Err(
                    CliError::new(format!("the run called `{word}` was removed"))
                        .hint("to see all runs: nixlog runs list"),
                );
            }
            Meaning::TooFewRuns(0) => {
                return Err(how_to_record(CliError::new("no run is recorded yet")));
            }
            Meaning::TooFewRuns(n) => {
                let runs = if n == 1 { "run is" } else { "runs are" };
                return Err(
                    CliError::new(format!("there is no `{word}`: {n} {runs} recorded"))
                        .hint("to see all runs: nixlog runs list"),
                );
            }
            Meaning::Nothing => return Err(self.unknown(word)),
        };
        let run = self.runs.swap_remove(place);
        let name = self.names.of(run.id).map(str::to_owned);
        Ok(Chosen {
            word: word.to_owned(),
            run,
            name,
        })
    }

    fn ambiguous(&self, word: &str, places: &[usize]) -> CliError {
        /// As many as help.
        const SHOWN: usize = 6;
        let n = places.len();
        let mut error = CliError::new(format!("`{word}` is the beginning of {n} ids"));
        for &place in places.iter().take(SHOWN) {
            let run = &self.runs[place];
            let command = run.summary().ok().and_then(|it| it.header);
            let command = command.map(|header| header.command.join(" "));
            let command: String = command.unwrap_or_default().chars().take(60).collect();
            error = error.hint(harmless(format!("{}  {command}", run.id).trim_end()));
        }
        if n > SHOWN {
            error = error.hint(format!("and {} more: nixlog runs list", n - SHOWN));
        }
        error
    }

    fn unknown(&self, word: &str) -> CliError {
        let mut alike: Vec<(Reverse<u32>, &str)> = self
            .names
            .all()
            .map(|name| (Reverse(alike(word, name)), name))
            .filter(|&(Reverse(alike), _)| alike >= NEAR)
            .collect();
        alike.sort_unstable();
        let mut error = CliError::new(format!(
            "there is no {} `{}`",
            if self.only_runs {
                "run"
            } else {
                "file, no run and no name"
            },
            harmless(word)
        ));
        if !alike.is_empty() {
            let names: Vec<String> = alike
                .iter()
                .take(3)
                .map(|(_, name)| format!("`{name}`"))
                .collect();
            error = error.hint(format!("did you mean {}?", names.join(", ")));
        }
        if !self.runs.is_empty() {
            error = error.hint("to see all runs: nixlog runs list");
        }
        if self.only_runs {
            return error;
        }
        error.hint(format!(
            "name a log file, or record a build: {HOW_TO_STAMP}"
        ))
    }
}

/// From here on two words are alike, in thousandths.
const NEAR: u32 = 750;

/// Tells how alike two words are, in thousandths.
fn alike(a: &str, b: &str) -> u32 {
    let alike = strsim::jaro_winkler(&a.to_lowercase(), &b.to_lowercase());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 0 and 1"
    )]
    let thousandths = (alike * 1000.0) as u32;
    thousandths
}

fn harmless(text: &str) -> String {
    nixlog_core::report::format::harmless(text).into_owned()
}

/// Says how to record a run.
fn how_to_record(error: CliError) -> CliError {
    error.hint("record one: nixlog run -- nix build …")
}

/// Finds what a word means among runs, which come newest first. Which of them have ended is asked only
/// where it matters.
fn meaning(word: &str, runs: &[Run], names: &Names, has_ended: impl Fn(&Run) -> bool) -> Meaning {
    let back = match word.strip_prefix("last~").filter(|n| is_number(n)) {
        Some(number) => Some(number.parse().unwrap_or(usize::MAX)),
        None => (word == LAST).then_some(0),
    };
    if let Some(back) = back {
        let ended = (0..runs.len()).filter(|&place| has_ended(&runs[place]));
        let mut ended = ended.peekable();
        if ended.peek().is_none() {
            return match back < runs.len() {
                true => Meaning::Run(back),
                false => Meaning::TooFewRuns(runs.len()),
            };
        }
        let mut n_ended = 0;
        for place in ended {
            if n_ended == back {
                return Meaning::Run(place);
            }
            n_ended += 1;
        }
        return Meaning::TooFewRuns(n_ended);
    }
    if let Some(id) = names.get(word) {
        let place = runs.iter().position(|run| run.id == id);
        return place.map_or(Meaning::Gone, Meaning::Run);
    }
    let Some(digits) = digits(word) else {
        return Meaning::Nothing;
    };
    let begins = |id: Uuid| {
        let id = id.simple().to_string();
        id.starts_with(&digits) || short_id(&id).starts_with(&digits)
    };
    let places: Vec<usize> = (0..runs.len())
        .filter(|&place| begins(runs[place].id))
        .collect();
    match places[..] {
        [] => Meaning::Nothing,
        [place] => Meaning::Run(place),
        _ => Meaning::Ambiguous(places),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(texts: &[&str]) -> Vec<Run> {
        let uuid = |text: &&str| Uuid::try_parse(text).expect("a UUID");
        texts.iter().map(uuid).map(Run::of).collect()
    }

    #[test]
    fn words() {
        let runs = ids(&[
            "0198ca02-0000-7000-8000-000000000003",
            "0198c9f4-5e2a-7000-8000-00000000000b",
            "0198c9f4-5e2a-7000-8000-00000000000a",
            "0198c9f4-0000-7000-8000-000000000001",
        ]);
        let gone = Uuid::max();
        let names = [("baseline", runs[3].id), ("wreck", gone)];
        let names: Names = names
            .map(|(name, id)| (name.to_owned(), id))
            .into_iter()
            .collect();
        let newest_runs = |run: &Run| run.id != runs[0].id;
        let cases = [
            ("last", Meaning::Run(1)),
            ("last~0", Meaning::Run(1)),
            ("last~02", Meaning::Run(3)),
            ("last~3", Meaning::TooFewRuns(3)),
            ("last~99999999999999999999999999", Meaning::TooFewRuns(3)),
            ("last~", Meaning::Nothing),
            ("last~-1", Meaning::Nothing),
            ("Last", Meaning::Nothing),
            ("baseline", Meaning::Run(3)),
            ("wreck", Meaning::Gone),
            ("base", Meaning::Nothing),
            ("0198c9f4-5e2a-7000-8000-00000000000b", Meaning::Run(1)),
            ("0198C9F45E2A7000800000000000000A", Meaning::Run(2)),
            ("0198ca", Meaning::Run(0)),
            ("00000b", Meaning::Run(1)),
            ("0000", Meaning::Ambiguous(vec![0, 1, 2, 3])),
            ("000003", Meaning::Run(0)),
            ("0198c9f4-5e2a", Meaning::Ambiguous(vec![1, 2])),
            ("0198", Meaning::Ambiguous(vec![0, 1, 2, 3])),
            ("019", Meaning::Nothing),
            ("0198-", Meaning::Ambiguous(vec![0, 1, 2, 3])),
            ("-0198", Meaning::Nothing),
            ("0198x", Meaning::Nothing),
            ("ffffffff", Meaning::Nothing),
            ("", Meaning::Nothing),
        ];
        for (word, want) in cases {
            assert_eq!(meaning(word, &runs, &names, newest_runs), want, "{word}");
        }
        assert_eq!(
            meaning("last", &[], &names, newest_runs),
            Meaning::TooFewRuns(0)
        );
    }

    fn any_runs() -> impl Strategy<Value = Vec<(Run, bool)>> {
        // Ids that have much in common, as those of one minute do.
        let id = (0_u128..4, 0_u128..3, 0_u128..0x1000);
        let id =
            id.prop_map(|(a, b, c)| Uuid::from_u128((0x0198_c9f0 + a) << 96 | b << 80 | c << 4));
        prop::collection::btree_map(id, any::<bool>(), 0..12).prop_map(|runs| {
            let newest_first = runs.into_iter().rev();
            newest_first
                .map(|(id, running)| (Run::of(id), running))
                .collect()
        })
    }

    proptest! {
        /// Every beginning of an id finds exactly the runs that begin so.
        #[test]
        fn beginnings_of_ids(all in any_runs(), which in any::<prop::sample::Index>(), length in 4_usize..=36) {
            prop_assume!(!all.is_empty());
            let runs: Vec<Run> = all.iter().map(|(run, _)| run.clone()).collect();
            let id = runs[which.index(runs.len())].id.to_string();
            let word = &id[..length];
            let want: Vec<usize> = (0..runs.len())
                .filter(|&place| runs[place].id.to_string().starts_with(word.trim_end_matches('-')))
                .collect();
            let found = match meaning(word, &runs, &Names::default(), |_| true) {
                Meaning::Run(place) => vec![place],
                Meaning::Ambiguous(places) => places,
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(found, want);
        }

        /// `last~0`, `last~1` … are all runs that have ended, newest first; all runs, where none has.
        #[test]
        fn last_counts_what_has_ended(all in any_runs()) {
            let runs: Vec<Run> = all.iter().map(|(run, _)| run.clone()).collect();
            let has_ended = |run: &Run| all.iter().any(|(each, running)| each == run && !*running);
            let found: Vec<usize> = (0..)
                .map_while(|n| match meaning(&format!("last~{n}"), &runs, &Names::default(), has_ended) {
                    Meaning::Run(place) => Some(place),
                    _ => None,
                })
                .collect();
            let ended: Vec<usize> = (0..runs.len()).filter(|&place| !all[place].1).collect();
            let want = if ended.is_empty() { (0..runs.len()).collect() } else { ended };
            prop_assert_eq!(found, want);
        }

        /// What may be a name never means anything else among runs.
        #[test]
        fn names_are_found(name in "[a-z0-9~.-]{1,12}") {
            let runs = ids(&["0198ca02-0000-7000-8000-000000000003", "0198c9f4-5e2a-7000-8000-00000000000b"]);
            prop_assume!(super::super::names::objection(&name).is_none());
            let names: Names = [(name.clone(), runs[1].id)].into_iter().collect();
            prop_assert_eq!(meaning(&name, &runs, &names, |_| true), Meaning::Run(1));
            prop_assert_eq!(meaning(&name, &runs, &Names::default(), |_| true), Meaning::Nothing);
        }
    }
}
