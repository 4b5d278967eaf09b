//! Results: in one of the formats, to standard output or to a file.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use nixlog_core::report::document::Document;
use nixlog_core::report::text::{Style, Theme};
use nixlog_core::report::view::Report;
use nixlog_core::report::{csv, json, markdown, text};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::cli::{Format, InputArgs, OutputArgs};
use crate::error::CliError;
use crate::term;

/// Prints a result.
pub(crate) fn write<R: Serialize>(
    args: &OutputArgs,
    input: &InputArgs,
    report: &Report<R>,
    document: &Document,
) -> Result<(), CliError> {
    if let Some(path) = &args.output {
        return write_file(path, |out| {
            render(args, &Style::default(), report, document, out)
        });
    }
    // With `--tee`, standard output has the log itself.
    if input.tee {
        let style = style(args, &io::stderr());
        let mut out = BufWriter::new(io::stderr().lock());
        let written = render(args, &style, report, document, &mut out).and_then(|()| out.flush());
        return written.map_err(|error| CliError::output("standard error", error));
    }
    let style = style(args, &io::stdout());
    let mut out = BufWriter::new(io::stdout().lock());
    let written = render(args, &style, report, document, &mut out).and_then(|()| out.flush());
    written.map_err(|error| CliError::output("standard output", error))
}

fn style(args: &OutputArgs, stream: &impl io::IsTerminal) -> Style {
    let theme = if term::color(args.color, stream) {
        Theme::TERMINAL
    } else {
        Theme::default()
    };
    Style::new(term::width(stream), theme)
}

fn render<R: Serialize>(
    args: &OutputArgs,
    style: &Style,
    report: &Report<R>,
    document: &Document,
    out: &mut dyn Write,
) -> io::Result<()> {
    match args.format {
        Format::Json => json::write(report, out),
        _ if args.json => json::write(report, out),
        Format::Text => text::write(document, style, out),
        Format::Md => markdown::write(document, out),
        Format::Csv => csv::write(document, out),
    }
}

/// Writes a file in one piece: beside its place first, then renamed, so that no reader sees half.
fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), CliError> {
    let failed = |error: io::Error| {
        CliError::new(format!("cannot write `{}`", path.display()))
            .because(error)
            .hint("the folder must exist and be writable: the file is written beside its place and renamed")
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
    let mut out = BufWriter::new(&mut file);
    write(&mut out).and_then(|()| out.flush()).map_err(failed)?;
    drop(out);
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
