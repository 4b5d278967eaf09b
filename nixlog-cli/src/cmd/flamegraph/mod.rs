//! `nixlog flamegraph`.

mod svg;

use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use nixlog_core::eval::stacks::tree::{CallTree, Tree};
use nixlog_core::eval::stacks::{By, NoNames};
use nixlog_core::report::flame_graph::{collapsed, extent, merged, oddities, speedscope};
use nixlog_core::store_path::base_name;

use crate::base::arguments::ColorWhen;
use crate::base::error::CliError;
use crate::base::output;
use crate::evidence::profiles;
use crate::intake::input;

/// Where Nix writes a profile, unless it is told otherwise.
const NIX_PROFILE: &str = "nix.profile";

/// How many calls a trace viewer gets: it loads all of them at once.
const MOST_EVENTS: usize = 200_000;

/// Draw the profile of an evaluation as a flame graph
///
/// nix build .#foo --no-eval-cache --eval-profiler flamegraph; nixlog flamegraph -o flame.svg
///
/// Reads what `--eval-profiler flamegraph` (Nix 2.30 and later) writes, or the log of `--trace-function-calls`,
/// which is exact and slow. A box is a call, as wide as what was spent in it and in all that it called; its
/// place is where the call is made, not where the function is written. The image zooms and searches in a browser.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The profile: a file, also compressed, or `-` for standard input
    ///
    /// Default: standard input if it is a pipe, else `nix.profile` in this folder, where Nix writes it.
    #[arg(value_name = "PROFILE")]
    profile: Option<PathBuf>,

    /// Merge calls that have this in common: the function called, the derivation being made, or the file, line,
    /// input or module that calls
    #[arg(long, value_name = "BY", default_value = By::Frame.name(), value_parser = by())]
    by: By,

    /// Compare with an earlier profile: a call that itself costs more now is red, one that costs less is blue
    ///
    /// Colours and differences are of what a call spends itself, without the calls that it makes. What is gone
    /// counts for the nearest caller that is left.
    #[arg(long, value_name = "PROFILE")]
    diff: Option<PathBuf>,

    /// How many samples a second were taken: `--eval-profiler-frequency`, which is 99 unless it was set
    #[arg(long, value_name = "HZ", value_parser = frequency)]
    frequency: Option<f64>,

    /// Let calls stand on their callers instead of hanging from them
    #[arg(long, help_heading = "Output")]
    flame: bool,

    /// What stands on top; default: the name of the profile
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    title: Option<String>,

    /// How wide the image is, in pixels; default: as wide as the window
    #[arg(long, value_name = "N", value_parser = width, help_heading = "Output")]
    width: Option<usize>,

    /// Output format; default: by the end of FILE's name (`.json`, `.folded`), else an image
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    format: Option<Picture>,

    /// Write to FILE, atomically
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Picture {
    /// An image with zoom and search
    Svg,
    /// A profile for <https://www.speedscope.app>
    Speedscope,
    /// One stack a line, for other tools
    Collapsed,
}

impl Picture {
    /// Tells what a file is by the end of its name.
    fn of(path: &Path) -> Self {
        match path.extension().and_then(|end| end.to_str()) {
            Some("json") => Self::Speedscope,
            Some("folded" | "collapsed" | "txt" | "profile") => Self::Collapsed,
            _ => Self::Svg,
        }
    }
}

fn by() -> impl TypedValueParser<Value = By> {
    // What an option is, only sources tell.
    let all = By::ALL.into_iter().filter(|&by| by != By::Option);
    let names = PossibleValuesParser::new(all.map(By::name));
    names.try_map(|name| By::named(&name).ok_or("no such key"))
}

pub(super) fn frequency(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    number
        .filter(|hertz: &f64| *hertz > 0.0 && hertz.is_finite())
        .ok_or_else(|| "expected a number of samples per second, such as 99".to_owned())
}

/// Narrower than this, nothing can be told apart; wider than this, no screen is.
fn width(text: &str) -> Result<usize, String> {
    let width = text.parse().ok();
    width
        .filter(|width| (200..=100_000).contains(width))
        .ok_or_else(|| "expected a number of pixels from 200 to 100000".to_owned())
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let format = args.format.unwrap_or_else(|| {
        let output = args.output.as_deref();
        output.map_or(Picture::Svg, Picture::of)
    });
    if args.diff.is_some() && format != Picture::Svg {
        return Err(CliError::new("`--diff` needs an image")
            .hint("write one: --format svg -o difference.svg"));
    }
    let path = named(args.profile.as_deref())?;
    let (tree, name) = read(&path, args.by)?;
    let before = args.diff.as_deref().map(|path| read(path, args.by));
    let before = before.transpose()?;
    if before
        .as_ref()
        .is_some_and(|(before, _)| before.unit != tree.unit)
    {
        return Err(
            CliError::new("one profile has samples, and the other one times")
                .hint("compare profiles that were made in the same way"),
        );
    }
    let title = args.title.clone().unwrap_or_else(|| match &before {
        None => format!("Evaluation: {}", base_name(&name)),
        Some((_, before)) => {
            let (name, before) = (base_name(&name), base_name(before));
            format!("Evaluation: {name}, compared with {before}")
        }
    });
    let mut told = extent(&tree, args.frequency);
    if let Some((before, _)) = &before {
        told = format!("{told}; before: {}", extent(before, args.frequency));
    }
    let drawn = match format {
        Picture::Svg => tree.narrowed(svg::MOST, svg::LEAST_SHARE),
        Picture::Speedscope => tree.narrowed(MOST_EVENTS, 0.0),
        Picture::Collapsed => tree,
    };
    if let Some(merged) = merged(&drawn) {
        told = format!("{told}; {merged}");
    }
    let render = |out: &mut dyn io::Write| match format {
        Picture::Svg => {
            let drawing = svg::Drawing {
                title,
                subtitle: told.clone(),
                width: args.width,
                grows_up: args.flame,
            };
            svg::write(
                &drawn,
                before.as_ref().map(|(before, _)| before),
                &drawing,
                out,
            )
        }
        Picture::Speedscope => speedscope::write(&drawn, &title, args.frequency, out),
        Picture::Collapsed => collapsed::write(&drawn, out),
    };
    match &args.output {
        None => output::print(ColorWhen::Never, |_, out| render(out))?,
        Some(path) => output::write_file(path, render)?,
    }
    output::note(&told);
    Ok(())
}

/// Returns which profile to read.
fn named(path: Option<&Path>) -> Result<PathBuf, CliError> {
    match path {
        Some(path) => {
            let inside = path.join(profiles::PROFILE);
            Ok(if inside.is_file() { inside } else { path.to_owned() })
        }
        None if input::is_piped() => Ok(PathBuf::from("-")),
        None if Path::new(NIX_PROFILE).exists() => Ok(PathBuf::from(NIX_PROFILE)),
        None => Err(CliError::new(format!("no profile is named, and there is no `{NIX_PROFILE}` here"))
            .hint("write one, with Nix 2.30 or later: nix build .#foo --no-eval-cache --eval-profiler flamegraph")),
    }
}

/// Reads a profile; returns what it is called, too.
fn read(path: &Path, by: By) -> Result<(CallTree, String), CliError> {
    let (tree, name) = profiles::fed(path, Tree::new(by, &NoNames))?;
    if tree.total() == 0 {
        let none = CliError::new(format!("{} has no stacks", input::quoted(&name)));
        return Err(if tree.facts.lines == 0 {
            none.hint("Nix leaves a profile empty when the evaluation is over before the first sample: take more, with `--eval-profiler-frequency 9999`")
        } else {
            none.hint(profiles::WHAT_A_PROFILE_IS)
        });
    }
    for oddity in oddities(&tree) {
        output::warning(&format!("{}: {oddity}", input::quoted(&name)));
    }
    Ok((tree, name))
}

/// Draws a profile as it is drawn where nothing else is said.
pub(super) fn image(profile: &Path, title: &str, to: &Path) -> Result<(), CliError> {
    let (tree, _) = read(profile, By::Frame)?;
    let drawing = svg::Drawing {
        title: title.to_owned(),
        subtitle: extent(&tree, None),
        ..svg::Drawing::default()
    };
    output::write_file(to, |out| svg::write(&tree, None, &drawing, out))
}
