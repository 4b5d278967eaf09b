//! `nixlog run`.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Instant;

use nixlog_core::analysis::excerpts::Excerpts;
use nixlog_core::graph::GraphBuilder;
use nixlog_core::log::Reading;
use nixlog_core::report::closing::Ending;
use nixlog_core::time::Stamp;
use nixlog_core::timeline::{Clock, Watched};
use nixlog_core::wire::{Body, Line};

use crate::archive::recorder::{self, Recorder};
use crate::archive::runs::Recorded;
use crate::base::arguments::ColorArgs;
use crate::base::clock::unix_nanos;
use crate::base::error::CliError;
use crate::base::{output, terminal};
use crate::display::{Display, DisplayKind, closing};
use crate::evidence::{forecast, history};
use crate::intake::arguments::SaveArgs;
use crate::intake::run::plan::{Place, Plan, Way, plan};
use crate::intake::run::{self, Exit, ThisMachine, Watch};

/// Run a command, show the progress of its Nix builds, and record them
///
/// nixlog run -- nix build .#foo
///
/// The exit status is that of the command (128 + n if signal n ended it). The command's standard output
/// is not changed. `nix`, `nix-build` and their like, `nixos-rebuild`, `home-manager` and
/// `darwin-rebuild` get `--log-format internal-json`. Any other command is recorded through
/// `json-log-path` (Nix 2.30 or later), else from its plain output.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Afterwards, every command without an input is about this run: nixlog critical-path"
)]
pub(crate) struct Args {
    /// The command and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<OsString>,

    /// How to capture the log, if nixlog's own choice does not fit
    #[arg(long, value_name = "WAY")]
    capture: Option<Way>,

    /// Record each derivation that is instantiated, too: `-vv` instead of `-v`
    #[arg(long)]
    verbose_eval: bool,

    /// Show only what failed
    #[arg(long, short)]
    quiet: bool,

    /// Show the build logs too; by default as the command would, on a terminal only their last lines
    #[arg(long, short = 'L', conflicts_with = "quiet")]
    print_build_logs: bool,

    #[command(flatten)]
    save: SaveArgs,

    /// The project that the run belongs to, for comparing; `NIXLOG_PROJECT` does the same. Default: what
    /// the command builds
    #[arg(long, value_name = "NAME", help_heading = "Recording")]
    project: Option<String>,

    #[command(flatten)]
    color: ColorArgs,
}

impl Args {
    /// Returns the command and its arguments.
    pub(crate) fn command(&self) -> &[OsString] {
        &self.command
    }

    /// Tells whether output is coloured.
    pub(crate) const fn color(&self) -> ColorArgs {
        self.color
    }

    /// Runs a command as if nothing else were said, and records it in any case.
    pub(super) const fn plain(
        command: Vec<OsString>,
        quiet: bool,
        project: Option<String>,
        color: ColorArgs,
    ) -> Self {
        Self {
            command,
            capture: None,
            verbose_eval: false,
            quiet,
            print_build_logs: false,
            save: SaveArgs::on(false),
            project,
            color,
        }
    }
}

/// What came of a command.
pub(super) struct Ran {
    /// The exit status that shells make of it.
    pub(super) status: u8,
    pub(super) recorded: Option<Recorded>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, CliError> {
    recorded(args).map(|ran| ExitCode::from(ran.status))
}

/// Runs a command, shows it, and records it.
pub(super) fn recorded(args: &Args) -> Result<Ran, CliError> {
    let (start, started_at) = (Instant::now(), unix_nanos());
    let place = Place {
        interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
        verbose_eval: args.verbose_eval,
    };
    let plan = plan(&args.command, place, args.capture, &ThisMachine);
    if let Some(why) = plan.why {
        output::warning(why);
    }
    let words = args
        .command
        .iter()
        .map(|word| word.to_string_lossy().into_owned());
    let mut header = recorder::header("run", words.collect(), started_at);
    header.project = args.project.clone().or(header.project);
    let mut recorder = match args.save.is_off() {
        true => None,
        false => Recorder::start(header, args.save.thinning()),
    };
    let mut reading = run::reading();
    let excerpts = Watched::<Excerpts>::default();
    reading.watch_builds(excerpts.clone());
    let showing = Showing {
        quiet: args.quiet,
        build_logs: args.print_build_logs,
        ahead: Some(&args.command),
        hides_objects: false,
        color: args.color,
    };
    let exit = match watch(&plan, &showing, start, recorder.as_mut(), &mut reading) {
        Ok(exit) => exit,
        Err(error) => {
            if let Some(recorder) = recorder {
                recorder.discard();
            }
            return Err(error);
        }
    };
    let (recorded, graph) = match recorder {
        Some(recorder) => recorder.finish(exit.end()),
        None => (None, GraphBuilder::default()),
    };
    reading.ends_at(exit.at);
    // Without a recording there is nothing to come back to.
    let name = if recorded.is_some() { "last" } else { "-" };
    let mut log = reading.finish(name, started_at);
    let graph = log.tell_fixed_outputs(graph);
    log.source.clock = Clock::Recorded;
    if plan.way == Way::Socket && !log.timeline.is_nix() {
        output::warning(
            "no Nix wrote to the socket: `nix` does, `nix-build` and its like do not; \
             `--capture lines` records the plain output",
        );
    }
    if exit.status() != 0 {
        let excerpts = excerpts.take();
        closing::show_failures(
            &log.source,
            &log.timeline,
            &graph,
            &excerpts,
            args.color.when,
        );
    }
    if !args.quiet {
        let ending = Ending::new(exit.at.as_nanos(), exit.code, exit.signal);
        closing::say(&log.source, &log.timeline, ending, recorded.as_ref());
    }
    if let Some(recorded) = &recorded {
        history::remember(recorded);
    }
    Ok(Ran {
        status: exit.status(),
        recorded,
    })
}

/// How a command is shown while it runs.
pub(super) struct Showing<'a> {
    /// Not at all.
    pub(super) quiet: bool,
    /// With the logs of builds, even where the command would not print them.
    pub(super) build_logs: bool,
    /// With how long it usually takes, by its words.
    pub(super) ahead: Option<&'a [OsString]>,
    /// Without JSON objects on lines of their own: the statistics of evaluators.
    pub(super) hides_objects: bool,
    pub(super) color: ColorArgs,
}

/// Runs a command as planned, and shows it.
pub(super) fn watch(
    plan: &Plan,
    showing: &Showing<'_>,
    start: Instant,
    recorder: Option<&mut Recorder>,
    reading: &mut Reading,
) -> Result<Exit, CliError> {
    let shows = !showing.quiet && plan.way != Way::Socket;
    let kind = DisplayKind::of_stderr();
    let paints = shows && kind == DisplayKind::Terminal;
    let running = run::start(plan, paints, start, recorder)?;
    let display = shows.then(|| {
        let color = terminal::color(showing.color.when, &io::stderr());
        let asked = plan.asked;
        let build_logs = match kind {
            DisplayKind::Terminal => asked.wants_build_logs,
            DisplayKind::Plain | DisplayKind::Folded(_) => asked.build_logs,
        };
        let mut display = Display::new(kind, color)
            .build_logs(showing.build_logs || build_logs)
            .at_most(asked.level)
            .alone(running.prints_results());
        if let Some(words) = showing.ahead {
            let words = words.iter().map(|word| word.to_string_lossy().into_owned());
            forecast::ahead(&mut display, Some(words.collect()));
        }
        display
    });
    let mut watch = Shown {
        display,
        hides_objects: showing.hides_objects,
        is_hiding: false,
    };
    let exit = running.watch(reading, &mut watch);
    if let Some(display) = watch.display {
        display.finish();
    }
    Ok(exit)
}

/// Shows what happens, if anything is to be shown.
struct Shown {
    display: Option<Display>,
    hides_objects: bool,
    is_hiding: bool,
}

impl Shown {
    /// Tells whether a line is of a JSON object that nobody wants to see.
    fn hides(&mut self, line: &Line<'_>) -> bool {
        let Body::Text(text) = line.body else {
            return false;
        };
        let hides = self.is_hiding || (self.hides_objects && text == "{");
        self.is_hiding = hides && text != "}";
        hides
    }
}

impl Watch for Shown {
    fn line(&mut self, line: &Line<'_>, now: Stamp) {
        if self.hides(line) {
            return;
        }
        if let Some(display) = &mut self.display {
            display.line(line, now);
        }
    }

    fn tick(&mut self, now: Stamp) {
        if let Some(display) = &mut self.display {
            display.tick(now);
        }
    }

    fn output(&mut self, bytes: &[u8]) {
        if let Some(display) = &mut self.display {
            display.output(bytes);
        }
    }

    fn broken_off(&mut self, error: &io::Error) {
        output::warning(&format!(
            "what the command prints cannot be read to its end ({error}); what came before was read"
        ));
    }
}
