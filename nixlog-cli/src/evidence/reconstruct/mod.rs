//! Recordings of builds that nobody recorded, made from what the store remembers.

mod collect;
mod recording;

use std::io;
use std::path::Path;
use std::time::SystemTime;

use nixlog_core::analysis::reconstruction::{Options, Run, Session, Subject, sessions};
use nixlog_core::time::Nanos;
use nixlog_core::timeline::{Issue, IssueCode, Severity};

use crate::base::error::CliError;
use crate::base::output;
use crate::nix::database::Database;
use crate::nix::store::Store;
use crate::nix::{installable, logs};
use collect::{Known, Wanted};

/// What to reconstruct.
#[derive(Debug, Default)]
pub(crate) struct Request<'a> {
    /// A `.drv`, a store path or a link to one, or an installable; `None`: all that the machine did.
    pub(crate) what: Option<&'a str>,
    /// A file of Nix expressions in which `what` is an attribute.
    pub(crate) file: Option<&'a str>,
    /// Another root.
    pub(crate) root: Option<&'a Path>,
    /// Only what ended no longer ago than this.
    pub(crate) since: Option<Nanos>,
    /// How long nothing may run within a session; `None`: as is usual.
    pub(crate) gap: Option<Nanos>,
}

/// What the store knows, in sessions.
pub(crate) struct Reconstruction {
    store: Store,
    known: Known,
    /// The command line that makes it again.
    command: Vec<String>,
    /// The latest first; never empty.
    pub(crate) sessions: Vec<Session>,
    /// The session that built or fetched what was asked for; the latest where none did.
    pub(crate) chosen: usize,
}

impl Reconstruction {
    /// Returns what could not be read.
    pub(crate) fn issues(&self) -> &[Issue] {
        &self.known.issues
    }

    /// Tells whether a derivation fetches something.
    pub(crate) fn is_fixed_output(&self, path: &str) -> Option<bool> {
        self.known.graph.is_fixed_output(path)
    }

    /// Makes the recording of a session, not compressed, under the id of a run if it becomes one.
    pub(crate) fn recording(&self, session: &Session, id: Option<&str>) -> io::Result<Vec<u8>> {
        recording::write(&self.store, &self.known, session, &self.command, id)
    }
}

impl Request<'_> {
    /// Returns the command line that asks for the same.
    fn command(&self) -> Vec<String> {
        let mut words = vec!["nixlog".to_owned(), "reconstruct".to_owned()];
        if let Some(root) = self.root {
            words.extend(["--store".to_owned(), root.display().to_string()]);
        }
        if let Some(file) = self.file {
            words.extend(["--file".to_owned(), file.to_owned()]);
        }
        words.extend(self.what.map(str::to_owned));
        if let Some(since) = self.since {
            let seconds = since.get().div_ceil(1_000_000_000);
            words.extend(["--since".to_owned(), format!("{seconds}s")]);
        }
        words
    }
}

/// Makes the recording of the session that built what an argument names, where it names something of the
/// store: a `.drv`, a store path, a link to one, or an installable of a flake (`nixpkgs#hello`). `None`
/// where it names none of these; a plain file inside the store may be a log.
pub(crate) fn as_input(argument: &str) -> Option<Result<Vec<u8>, CliError>> {
    let store = Store::find(None);
    let path = Path::new(argument);
    let is_of_store = match store.resolve(path) {
        // A file inside of a store path is a file, and a plain one in the store may be a log.
        Some(found) if found.inside => !path.is_file(),
        Some(found) => {
            found.linked || found.base.ends_with(".drv") || !store.file(&found.base).is_file()
        }
        None => argument.contains('#') && !path.exists(),
    };
    let request = Request {
        what: Some(argument),
        ..Request::default()
    };
    is_of_store.then(|| {
        let found = reconstruct(&request)?;
        for issue in found.issues() {
            output::warning(&issue.message);
        }
        found
            .recording(&found.sessions[found.chosen], None)
            .map_err(|error| CliError::new("cannot write the recording").because(error))
    })
}

/// Finds what ran, and when.
pub(crate) fn reconstruct(request: &Request<'_>) -> Result<Reconstruction, CliError> {
    let store = Store::find(request.root);
    let database = collect::database(&store)?;
    let now = logs::nanos(SystemTime::now()).unwrap_or(i64::MAX);
    let since = request
        .since
        .map(|length| now.saturating_sub(i64::try_from(length.get()).unwrap_or(i64::MAX)));
    let mut options = Options::default();
    options.since = since;
    let mut wanted = Wanted::default();
    match request.what {
        Some(what) => name(&store, &database, request.file, what, &mut wanted)?,
        // All of it is what was asked for.
        None => {
            wanted.since = since;
            options.gap = None;
        }
    }
    if request.gap.is_some() {
        options.gap = request.gap;
    }
    let mut known = collect::collect(&store, &database, &wanted, &options)?;
    let sessions = sessions(&known.graph, &known.facts, &options);
    if sessions.is_empty() {
        return Err(nothing(request, &store, &known));
    }
    let makes = |session: &Session| {
        session
            .runs
            .iter()
            .any(|run| is_wanted(run, &known, &wanted))
    };
    let chosen = sessions.iter().position(makes);
    if let (Some(what), None) = (request.what, chosen) {
        known.issues.push(Issue {
            severity: Severity::Info,
            code: IssueCode::NotMadeHere,
            count: 1,
            first_line: None,
            message: format!(
                "nothing tells when `{what}` itself was built or fetched: this is the latest session in which \
                 anything that it needs was"
            ),
        });
    }
    Ok(Reconstruction {
        store,
        known,
        command: request.command(),
        sessions,
        chosen: chosen.unwrap_or_default(),
    })
}

/// Tells whether a run made what was asked for: the derivation, an output of it, or the path.
fn is_wanted(run: &Run, known: &Known, wanted: &Wanted) -> bool {
    match &run.subject {
        Subject::Derivation(node) => wanted.derivations.contains(known.graph.base_name(*node)),
        Subject::Path(path) => {
            let maker = known.graph.maker(path);
            let maker = maker.map(|(node, _)| known.graph.base_name(node));
            wanted.paths.contains(&**path)
                || maker.is_some_and(|drv| wanted.derivations.contains(drv))
        }
    }
}

/// Finds the derivations that a name means.
fn name(
    store: &Store,
    database: &Database,
    file: Option<&str>,
    what: &str,
    wanted: &mut Wanted,
) -> Result<(), CliError> {
    let resolved = match file {
        Some(_) => None,
        None => store.resolve(Path::new(what)).map(|found| found.base),
    };
    let Some(base) = resolved else {
        for path in installable::derivations(store.root(), file, what)? {
            let base = nixlog_core::store_path::base_name(&path);
            wanted.derivations.insert(base.to_owned());
        }
        return Ok(());
    };
    if base.ends_with(".drv") {
        wanted.derivations.insert(base);
        return Ok(());
    }
    let path = store.path(&base);
    let derivers = database.derivers(&path).map_err(|error| {
        CliError::new(format!("cannot look `{path}` up in the store's database")).because(error)
    })?;
    let mut derivers = derivers
        .iter()
        .map(|drv| nixlog_core::store_path::base_name(drv));
    match derivers.find(|drv| store.file(drv).exists()) {
        Some(drv) => wanted.derivations.insert(drv.to_owned()),
        None => wanted.paths.insert(base),
    };
    Ok(())
}

/// Says that there is nothing to tell, and why that may be.
fn nothing(request: &Request<'_>, store: &Store, known: &Known) -> CliError {
    let logs = store.logs();
    match request.what {
        None => CliError::new("nothing was built or fetched in that time")
            .hint("try a longer time: nixlog reconstruct --since 7d"),
        Some(what) if known.facts.is_empty() && known.files.is_empty() => {
            CliError::new(format!("the store knows nothing of `{what}`"))
                .hint("it was never built here, or it was garbage-collected")
        }
        Some(what) if request.since.is_some() => CliError::new(format!(
            "neither `{what}` nor its dependencies were built or fetched in that time"
        ))
        .hint("leave out `--since`, or try a longer time"),
        Some(what) => CliError::new(format!(
            "the build times of `{what}` and its dependencies are unknown"
        ))
        .hint(format!(
            "build logs are in `{}`, unless Nix is set to keep none",
            logs.display()
        )),
    }
}
