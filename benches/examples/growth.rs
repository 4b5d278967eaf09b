//! Prints how processor time and memory of every verb grow with a log that somebody made to be costly:
//! `cargo run --release -p nixlog-benches --example growth -- [--until SECONDS] [VERB|SHAPE …]`.
//!
//! For every verb and every shape the input is doubled, ten times at most or until it takes so long. What
//! doubles as well has the exponent 1; where it is more than 1.3, the line says so. The program is the one
//! in `target/release`, as people run it: build it first. Its time and memory are what GNU `time` says.

use std::env;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// A name and what makes a log of so many things.
type Shape = (&'static str, fn(&mut Log, usize));

/// What is run on every shape.
const VERBS: [(&str, &[&str]); 18] = [
    ("phases", &["phases"]),
    ("slowest", &["slowest"]),
    ("critical-path", &["critical-path"]),
    ("critical-path-json", &["critical-path", "--json"]),
    ("structural", &["critical-path", "--structural"]),
    ("bottlenecks", &["bottlenecks"]),
    ("parallelism", &["parallelism"]),
    ("what-if", &["what-if", "--max-jobs", "8"]),
    ("cache-candidates", &["cache-candidates"]),
    ("timeline", &["timeline"]),
    ("timeline-json", &["timeline", "--json"]),
    ("html", &["timeline", "--format", "html"]),
    ("chrome", &["timeline", "--format", "chrome"]),
    ("svg", &["timeline", "--format", "svg"]),
    ("graph", &["graph"]),
    ("graph-json", &["graph", "--json"]),
    ("dot", &["graph", "--format", "dot"]),
    ("doctor", &["doctor"]),
];

const SHAPES: [Shape; 22] = [
    ("in-a-row", |log, n| in_turn(log, n, "", 9)),
    ("at-once", |log, n| {
        let builds: Vec<u64> = (0..n).map(|it| log.build(it, "")).collect();
        builds.into_iter().for_each(|build| log.stop(build));
    }),
    ("never-stop", |log, n| {
        for it in 0..n {
            log.build(it, "");
        }
        log.message("that was all");
    }),
    ("phases-of-one", |log, n| {
        let build = log.build(0, "");
        (0..n).for_each(|it| log.phase(build, it));
        log.stop(build);
    }),
    ("phases-shared", |log, n| {
        for it in 0..n {
            let build = log.build(it, "");
            log.phase(build, it);
            log.phase(build, it / 2);
            log.stop(build);
        }
    }),
    ("locks", |log, n| {
        for it in 0..n {
            let wait = log.start(0, 0, &format!("waiting for lock on '{}'", out(it)), &[]);
            log.stop(wait);
            let build = log.build(it, "");
            log.stop(build);
        }
    }),
    ("locks-open", |log, n| {
        for it in 0..n {
            log.start(0, 0, &format!("waiting for lock on '{}'", out(it)), &[]);
            let build = log.build(it, "");
            log.stop(build);
        }
    }),
    ("waits-for-one", |log, n| {
        for _ in 0..n {
            let title = format!("waiting for a machine to build '{}'", drv(0));
            let wait = log.start(0, 0, &title, &[]);
            log.stop(wait);
            let build = log.build(0, "ssh://a");
            log.stop(build);
        }
    }),
    ("machines", |log, n| {
        for it in 0..n {
            let build = log.build(it, &format!("ssh://machine-{it}"));
            log.stop(build);
        }
    }),
    ("ids-reused", |log, n| {
        for it in 0..n {
            log.next_id = 7;
            log.build(it, "");
        }
    }),
    ("nested", |log, n| {
        let mut parent = 0;
        for _ in 0..n {
            parent = log.start(0, parent, "evaluating", &[]);
        }
        let build = log.build(0, "");
        log.stop(build);
    }),
    ("imports", |log, n| {
        log.start(0, 0, "evaluating derivation 'x'", &[]);
        for it in 0..n {
            let call = log.start(102, 0, "", &[]);
            let counter = log.start(104, 0, "", &[]);
            let build = log.build(it, "");
            log.stop(build);
            log.stop(counter);
            log.stop(call);
            log.message(&format!("evaluating file '/nix/store/x/{it}.nix'"));
        }
    }),
    ("downloads", |log, n| {
        for it in 0..n {
            let (path, cache) = (out(it), "https://cache.example.org");
            let whole = log.start(108, 0, "", &[&path, cache]);
            let copy = log.start(100, whole, "", &[&path, cache, "local"]);
            let uri = format!("{cache}/nar/{it}.nar.xz");
            log.start(101, copy, "", &[&uri]);
        }
    }),
    ("queries", |log, n| {
        for it in 0..n {
            let query = log.start(109, 0, "", &[&out(it), "https://cache.example.org"]);
            log.stop(query);
        }
    }),
    ("inputs", |log, n| {
        for it in 0..n {
            log.start(0, 0, &format!("fetching input 'github:a/{it}'"), &[]);
        }
        log.message("that was all");
    }),
    ("failures", |log, n| {
        for it in 0..n {
            let build = log.build(it, "");
            log.stop(build);
            let text = format!("error: builder for '{}' failed with exit code 1", drv(it));
            log.message(&text);
        }
    }),
    ("chain", |log, n| {
        log.derivations(n, |it| it.saturating_sub(1)..it);
        in_turn(log, n, "", 1);
    }),
    ("wide", |log, n| {
        log.derivations(n, |it| if it + 1 == n { 0..it } else { 0..0 });
        in_turn(log, n, "", 1);
    }),
    ("dense", |log, n| {
        log.derivations(n, |it| it.saturating_sub(30)..it);
        in_turn(log, n, "", 1);
    }),
    ("rebuilt", |log, n| {
        log.derivations(n, |it| 0..it.min(1));
        for it in 1..n {
            for number in [0, it] {
                let build = log.build(number, "");
                log.stop(build);
            }
        }
    }),
    ("locked-chain", |log, n| {
        log.derivations(n, |it| it.saturating_sub(1)..it);
        for it in 0..n {
            let wait = log.start(0, 0, &format!("waiting for lock on '{}'", out(it)), &[]);
            log.stop(wait);
            if it % 2 == 1 {
                let build = log.build(it, "");
                log.stop(build);
            }
        }
    }),
    ("plain", |log, n| {
        log.derivations(n, |it| it.saturating_sub(1)..it);
        for it in 0..n {
            log.line(format_args!("building '{}'...", drv(it)));
        }
    }),
];

/// Builds that run one after the other, each with so many lines of its own.
fn in_turn(log: &mut Log, n: usize, machine: &str, lines: usize) {
    for it in 0..n {
        let build = log.build(it, machine);
        for line in 0..lines {
            log.line(format_args!(
                r#"@nix {{"action":"result","fields":["  CC       module/object-{line}.o"],"id":{build},"type":101}}"#
            ));
        }
        log.stop(build);
    }
}

fn hash(number: usize) -> String {
    format!("{number:032}")
}

fn drv(number: usize) -> String {
    format!("/nix/store/{}-package-{number}.drv", hash(number))
}

fn out(number: usize) -> String {
    format!("/nix/store/{}-package-{number}", hash(number + 1_000_000))
}

/// A recording in the making: a millisecond for each line.
struct Log {
    text: String,
    millis: u64,
    next_id: u64,
}

impl Log {
    fn new() -> Self {
        let mut log = Self {
            text: String::new(),
            millis: 0,
            next_id: 10,
        };
        log.line(format_args!(
            r#"@nixlog {{"type":"header","format":1,"clock":"recorded"}}"#
        ));
        log
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        let stamp = self.millis * 1_000_000;
        self.millis += 1;
        writeln!(self.text, "{stamp} {line}").expect("a String takes any text");
    }

    fn start(&mut self, kind: u32, parent: u64, text: &str, fields: &[&str]) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let more = if kind == 105 { ",1,1" } else { "" };
        let fields = if fields.is_empty() {
            String::new()
        } else {
            format!(",\"fields\":[\"{}\"{more}]", fields.join("\",\""))
        };
        self.line(format_args!(
            r#"@nix {{"action":"start"{fields},"id":{id},"level":3,"parent":{parent},"text":"{text}","type":{kind}}}"#
        ));
        id
    }

    fn build(&mut self, number: usize, machine: &str) -> u64 {
        let drv = drv(number);
        self.start(105, 0, &format!("building '{drv}'"), &[&drv, machine])
    }

    fn stop(&mut self, id: u64) {
        self.line(format_args!(r#"@nix {{"action":"stop","id":{id}}}"#));
    }

    fn phase(&mut self, build: u64, number: usize) {
        self.line(format_args!(
            r#"@nix {{"action":"result","fields":["phase-{number}"],"id":{build},"type":104}}"#
        ));
    }

    fn message(&mut self, text: &str) {
        self.line(format_args!(
            r#"@nix {{"action":"msg","level":0,"msg":"{text}"}}"#
        ));
    }

    /// Brings along derivations, each of which needs some of the others.
    fn derivations(&mut self, n: usize, needs: impl Fn(usize) -> std::ops::Range<usize>) {
        for number in 0..n {
            let needs: Vec<String> = needs(number)
                .map(|it| format!("(\\\"{}\\\",[\\\"out\\\"])", drv(it)))
                .collect();
            let aterm = format!(
                r#"Derive([(\"out\",\"{}\",\"\",\"\")],[{}],[],\"x86_64-linux\",\"/bin/sh\",[],[])"#,
                out(number),
                needs.join(",")
            );
            let stamp = self.millis * 1_000_000;
            let drv = drv(number);
            writeln!(
                self.text,
                r#"{stamp} @nixlog {{"type":"derivation","path":"{drv}","aterm":"{aterm}"}}"#
            )
            .expect("a String takes any text");
        }
    }
}

/// What one run took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    n: usize,
    seconds: f64,
    megabytes: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args: Vec<String> = env::args().skip(1).collect();
    let mut until = 2.0;
    if args.first().is_some_and(|arg| arg == "--until") {
        until = args.get(1).ok_or("--until needs seconds")?.parse()?;
        args.drain(..2);
    }
    let wanted = |all: &[&str], name: &str| {
        let mut named = args.iter().filter(|arg| all.contains(&arg.as_str()));
        let any = named.clone().next().is_some();
        !any || named.any(|arg| arg == name)
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let program = root.join("release/nixlog");
    let log = root.join("growth.log");
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| shape | verb | things: seconds, megabytes | time ~ n^ | memory ~ n^ | bytes a thing |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    let shapes = SHAPES.map(|(name, _)| name);
    let verbs = VERBS.map(|(name, _)| name);
    for (shape, tell) in SHAPES.iter().filter(|(name, _)| wanted(&shapes, name)) {
        for (verb, args) in VERBS.iter().filter(|(name, _)| wanted(&verbs, name)) {
            let mut costs = Vec::new();
            for step in 0..=10 {
                let n = 500 << step;
                let mut made = Log::new();
                tell(&mut made, n);
                fs::write(&log, made.text)?;
                let cost = run(&program, args, &log, n)?;
                costs.push(cost);
                if cost.seconds > until {
                    break;
                }
            }
            row(&mut out, shape, verb, &costs)?;
            out.flush()?;
        }
    }
    fs::remove_file(&log)?;
    Ok(())
}

fn run(program: &Path, args: &[&str], log: &Path, n: usize) -> Result<Cost, Box<dyn Error>> {
    let times = log.with_extension("time");
    let mut command = Command::new("/usr/bin/time");
    command.args(["--quiet", "-f", "%U %S %M", "-o"]);
    command.arg(&times).arg(program).args(args).arg(log);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status()?;
    let measured = fs::read_to_string(&times)?;
    fs::remove_file(&times)?;
    let numbers: Result<Vec<f64>, _> = measured.split_whitespace().map(str::parse).collect();
    let [user, system, kilobytes] = numbers?[..] else {
        return Err(format!("{} says: {measured}", command.get_program().display()).into());
    };
    Ok(Cost {
        n,
        seconds: user + system,
        megabytes: kilobytes / 1024.0,
    })
}

fn row(out: &mut impl io::Write, shape: &str, verb: &str, costs: &[Cost]) -> io::Result<()> {
    let steps: Vec<String> = costs
        .iter()
        .map(|it| format!("{}: {:.2} {:.0}", it.n, it.seconds, it.megabytes))
        .collect();
    let (time, memory) = (
        growth(costs, |it| it.seconds),
        growth(costs, |it| it.megabytes),
    );
    let mark = |exponent: f64| if exponent > 1.3 { " **" } else { "" };
    let bytes = costs.first().zip(costs.last()).map(|(first, last)| {
        #[expect(
            clippy::cast_precision_loss,
            reason = "no more than three digits matter"
        )]
        let things = (last.n - first.n).max(1) as f64;
        (last.megabytes - first.megabytes) * f64::from(1 << 20) / things
    });
    writeln!(
        out,
        "| {shape} | {verb} | {} | {time:.2}{} | {memory:.2}{} | {:.0} |",
        steps.join(", "),
        mark(time),
        mark(memory),
        bytes.unwrap_or_default()
    )
}

/// Returns the exponent over the last two doublings, what is there from the start not counted.
fn growth(costs: &[Cost], of: impl Fn(&Cost) -> f64) -> f64 {
    let base = costs.first().map_or(0.0, &of);
    let more = |back: usize| {
        let place = costs.len().checked_sub(back + 1)?;
        Some(of(costs.get(place)?) - base)
    };
    match (more(2), more(0)) {
        (Some(before), Some(now)) if before > 0.02 => (now / before).log2() / 2.0,
        _ => 0.0,
    }
}
