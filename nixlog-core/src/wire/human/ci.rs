//! What CI systems say around the steps of a job.
//!
//! No Nix outlives the step that it runs in: where one ends, all ends that ran in it.

use super::event::HumanEvent;

/// How a step begins or ends: GitHub Actions, Azure Pipelines, GitLab, Jenkins; for `BuildKit` see below.
const STEPS: [&str; 14] = [
    "##[group]Run ",
    "##[error]Process completed with exit code ",
    "Post job cleanup.",
    "Cleaning up orphan processes",
    "##[section]Starting: ",
    "##[section]Finishing: ",
    "Executing \"step_script\" stage of the job script",
    "Running after_script",
    "Uploading artifacts for ",
    "Saving cache for ",
    "Cleaning up project directory and file based variables",
    "Job succeeded",
    "ERROR: Job failed: exit ",
    "[Pipeline] ",
];

/// What is said of a job that was not allowed to end by itself, behind `##[error]` or `Error: ` on GitHub
/// and Azure.
const CANCELLED: [&str; 5] = [
    "The operation was canceled",
    "The run was canceled by ",
    "The job was canceled",
    "The runner has received a shutdown signal",
    "The hosted runner lost communication with the server",
];

/// The same elsewhere: GitLab, Jenkins, Buildkite.
const CANCELLED_ELSEWHERE: [&str; 8] = [
    "ERROR: Job failed: canceled",
    "ERROR: Job failed: execution took longer than ",
    "WARNING: script canceled externally",
    "Sending interrupt signal to process",
    "Cancelling nested steps due to timeout",
    "Aborted by ",
    "Finished: ABORTED",
    "# Received cancellation signal, interrupting",
];

/// Reads a line of a CI system.
pub(super) fn mark(line: &str) -> Option<HumanEvent<'static>> {
    let starts = |all: &[&str]| all.iter().any(|start| line.starts_with(start));
    let error = line
        .strip_prefix("##[error]")
        .or_else(|| line.strip_prefix("Error: "));
    let is_cancelled = error.is_some_and(|error| {
        CANCELLED.iter().any(|start| error.starts_with(start))
            || error.starts_with("The job ")
                && error.contains("exceeded the maximum execution time")
            || error.starts_with("The action ") && error.contains(" has timed out after ")
    });
    if is_cancelled || starts(&CANCELLED_ELSEWHERE) {
        return Some(HumanEvent::Cancelled);
    }
    (starts(&STEPS) || is_buildkit_end(line)).then_some(HumanEvent::Step)
}

/// Tells whether a step of `BuildKit` ends: `#11 DONE 58.8s`, `#11 ERROR: process "…`, `#11 CANCELED`.
fn is_buildkit_end(line: &str) -> bool {
    let step = line.strip_prefix('#').and_then(|rest| rest.split_once(' '));
    step.is_some_and(|(step, said)| {
        let ends = ["DONE ", "ERROR: ", "CANCELED"];
        step.bytes().all(|byte| byte.is_ascii_digit())
            && ends.iter().any(|end| said.starts_with(end))
    })
}
