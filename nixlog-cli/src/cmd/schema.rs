//! `nixlog schema`.

use clap_complete::{ArgValueCandidates, CompletionCandidate};
use nixlog_core::report::{json, verbs};

use crate::base::arguments::ColorWhen;
use crate::base::error::CliError;
use crate::base::output;

/// Print the JSON Schema of what `--format json` prints
///
/// Of one verb, or of all. It is draft 2020-12. Within a version of a schema fields are added, none is renamed
/// or removed: a program should pass over those that it does not know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The verb: `phases`, `runs list` …; default: all
    #[arg(value_name = "VERB", num_args = 0..=2, add = ArgValueCandidates::new(candidates))]
    verb: Vec<String>,
}

fn candidates() -> Vec<CompletionCandidate> {
    let verbs = verbs::VERBS.iter();
    verbs.map(CompletionCandidate::new).collect()
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let verb = args.verb.join(" ");
    let schema = match verb.as_str() {
        "" => Some(verbs::any_schema()),
        verb => verbs::schema(verb),
    };
    let schema = schema.ok_or_else(|| {
        CliError::new(format!("no verb `{verb}` prints a report as JSON"))
            .hint(format!("these do: {}", verbs::VERBS.join(", ")))
    })?;
    output::print(ColorWhen::Never, |_, out| json::write(&schema, out))
}
