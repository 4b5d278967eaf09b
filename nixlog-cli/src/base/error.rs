//! What went wrong, why, and what to do next.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Exit status for a request or an input that nixlog cannot do anything with.
const BAD_INPUT: u8 = 2;

/// An error for people: one line, its causes, and hints.
#[derive(Debug)]
pub(crate) struct CliError {
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    hints: Vec<String>,
    /// The reader of our output went away: nobody is left to tell.
    quiet: bool,
    status: u8,
}

impl CliError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
            hints: Vec::new(),
            quiet: false,
            status: BAD_INPUT,
        }
    }

    pub(crate) fn because(
        mut self,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Sets the exit status.
    pub(crate) fn status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// Makes an error out of what an output says. A broken pipe is nobody's fault.
    pub(crate) fn output(target: &str, error: io::Error) -> Self {
        let quiet = error.kind() == io::ErrorKind::BrokenPipe;
        Self {
            quiet,
            ..Self::new(format!("cannot write to {target}")).because(error)
        }
    }

    /// Prints the error; returns the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        if self.quiet {
            return ExitCode::SUCCESS;
        }
        // Where standard error is gone too, there is nothing left to do.
        drop(anstream::stderr().write_all(self.to_string().as_bytes()));
        ExitCode::from(self.status)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        let mut source: Option<&dyn std::error::Error> =
            self.source.as_deref().map(|source| source as _);
        while let Some(cause) = source {
            writeln!(f, "caused by: {cause}")?;
            source = cause.source();
        }
        self.hints
            .iter()
            .try_for_each(|hint| writeln!(f, "hint: {hint}"))
    }
}
