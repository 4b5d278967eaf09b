//! Results: in one of the formats, to standard output or to a file.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use nixlog_core::report::envelope::{Answer, Report};
use nixlog_core::report::text::{Style, Theme};
use nixlog_core::report::{csv, json, markdown, text};
use tempfile::NamedTempFile;

use crate::base::arguments::{ColorWhen, Format, Formats, OutputArgs};
use crate::base::error::CliError;
use crate::base::held::step_aside;
use crate::base::terminal;

/// Where a result goes, unless it goes to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Output,
    Error,
}

/// Prints a result in one of the formats that every verb has.
pub(crate) fn write<A: Answer>(
    args: &OutputArgs,
    to: impl Into<Stream>,
    report: &Report<A, A::From>,
    options: &A::Options,
) -> Result<(), CliError> {
    write_with(args, to, |format, style, out| {
        render(format, style, report, options, out)
    })
}

/// Tells people something beside the result.
pub(crate) fn hint(text: &str) {
    // Where standard error is gone too, there is nobody to tell.
    drop(writeln!(anstream::stderr(), "hint: {text}"));
}

/// Tells people what else was done.
pub(crate) fn note(text: &str) {
    step_aside();
    // Where standard error is gone too, there is nobody to tell.
    drop(writeln!(anstream::stderr(), "nixlog: {text}"));
}

/// Tells people that something went wrong that does not stop anything.
pub(crate) fn warning(text: &str) {
    step_aside();
    // Where standard error is gone too, there is nobody to tell.
    drop(writeln!(anstream::stderr(), "warning: {text}"));
}

/// Prints what `render` makes of a format and of what there is to know about the terminal.
pub(crate) fn write_with<F: Formats>(
    args: &OutputArgs<F>,
    to: impl Into<Stream>,
    render: impl FnOnce(F, &Style, &mut dyn Write) -> io::Result<()>,
) -> Result<(), CliError> {
    let format = if args.json { F::JSON } else { args.format };
    if let Some(path) = &args.output {
        return write_file(path, |out| render(format, &Style::default(), out));
    }
    if to.into() == Stream::Error {
        let style = style(args.color.when, &io::stderr());
        let mut out = BufWriter::new(io::stderr().lock());
        let written = render(format, &style, &mut out).and_then(|()| out.flush());
        return written.map_err(|error| CliError::output("standard error", error));
    }
    print(args.color.when, |style, out| render(format, style, out))
}

/// Prints to standard output.
pub(crate) fn print(
    color: ColorWhen,
    render: impl FnOnce(&Style, &mut dyn Write) -> io::Result<()>,
) -> Result<(), CliError> {
    let style = style(color, &io::stdout());
    let mut out = BufWriter::new(io::stdout().lock());
    let written = render(&style, &mut out).and_then(|()| out.flush());
    written.map_err(|error| CliError::output("standard output", error))
}

/// Finds out how to print on a stream.
pub(crate) fn style(color: ColorWhen, stream: &impl io::IsTerminal) -> Style {
    let theme = if terminal::color(color, stream) {
        Theme::TERMINAL
    } else {
        Theme::default()
    };
    Style::new(terminal::width(stream), theme)
}

/// Writes a result in one of the formats that every verb has.
pub(crate) fn render<A: Answer>(
    format: Format,
    style: &Style,
    report: &Report<A, A::From>,
    options: &A::Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Json => json::write(report, out),
        Format::Text => text::write(&report.document(options), style, out),
        Format::Md => markdown::write(&report.document(options), out),
        Format::Csv => csv::write(&report.document(options), out),
    }
}

/// Writes a file in one piece: beside its place first, then renamed, so that no reader sees half.
pub(crate) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), CliError> {
    // Through links, so that the link stays and its target is replaced.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match target.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            let failed = CliError::new(format!("cannot write `{}`", path.display()))
                .because(io::Error::from(io::ErrorKind::IsADirectory));
            return Err(failed.hint("name a file inside the folder"));
        }
        // Devices and pipes are written to, not replaced.
        Ok(metadata) if !metadata.is_file() => return write_through(&target, write),
        _ => {}
    }
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let refused = || CliError::new(format!("cannot write `{}`", path.display()));
    if !folder.is_dir() {
        let hint = format!(
            "the folder `{}` does not exist: create it, or name another file",
            folder.display()
        );
        return Err(refused().hint(hint));
    }
    let failed = |error: io::Error| {
        let hint = "nixlog writes a temporary file in the same folder and renames it: the folder must be writable";
        refused().because(plain(error)).hint(hint)
    };
    let mut file = beside(folder, &target).map_err(failed)?;
    let mut out = BufWriter::new(&mut file);
    write(&mut out).and_then(|()| out.flush()).map_err(failed)?;
    drop(out);
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

fn write_through(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), CliError> {
    let failed = |error| CliError::output(&format!("`{}`", path.display()), error);
    let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
    let mut out = BufWriter::new(file);
    write(&mut out).and_then(|()| out.flush()).map_err(failed)
}

/// Makes a file with a name of its own and the permissions of the one that it will replace, or of
/// any new file: as many as the umask lets through.
fn beside(folder: &Path, target: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt as _;
        let permissions = target.metadata().map(|metadata| metadata.permissions());
        builder.permissions(permissions.unwrap_or_else(|_| Permissions::from_mode(0o666)));
    }
    builder.prefix(".nixlog-").tempfile_in(folder)
}

/// Takes the name of the passing file out of an error: nobody asked for it.
fn plain(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Other => error,
        kind => io::Error::from(kind),
    }
}
