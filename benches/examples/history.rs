//! Makes runs of one project as `nixlog history export` writes them, one JSON object a line.
//!
//! ```text
//! cargo run --release -p nixlog-benches --example history -- RUNS [UNITS [CHANGE]] | nixlog history import -
//! ```
//!
//! Each run has UNITS units (default 300), of which a third are builds. Times vary by about 2 %; where CHANGE is
//! given, the builds of every run from that one on take 12 % longer.

use std::env;
use std::io::{self, BufWriter, Write as _};

use nixlog_core::analysis::past_run::{PastPhase, PastRun, PastSubstituter, PastUnit};
use nixlog_core::statistics::random::Random;
use nixlog_core::timeline::{End, Outcome, Phase, UnitKind};

/// The first run starts here, the others an hour after each other.
const START: i64 = 1_600_000_000_000_000_000;
const HOUR: i64 = 3_600_000_000_000;

const SECOND: f64 = 1e9;

fn main() -> io::Result<()> {
    let numbers: Vec<usize> = env::args()
        .skip(1)
        .map(|word| word.parse().expect("a number"))
        .collect();
    let n_runs = numbers.first().copied().unwrap_or(100);
    let n_units = numbers.get(1).copied().unwrap_or(300);
    let change = numbers.get(2).copied().unwrap_or(usize::MAX);
    let mut random = Random::new(42);
    let mut out = BufWriter::new(io::stdout().lock());
    // The newest run is from now, so that none is older than what is kept.
    let now = unix_nanos();
    let start = now.map_or(START, |now| {
        now - HOUR / 60 * i64::try_from(n_runs).unwrap_or(0)
    });
    for number in 0..n_runs {
        let factor = if number >= change { 1.12 } else { 1.0 };
        let started = start + HOUR / 60 * i64::try_from(number).unwrap_or(0);
        let run = run(number, n_units, started, factor, &mut random);
        serde_json::to_writer(&mut out, &run)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn unix_nanos() -> Option<i64> {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?;
    i64::try_from(since.as_nanos()).ok()
}

fn run(number: usize, n_units: usize, started: i64, factor: f64, random: &mut Random) -> PastRun {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a length of time"
    )]
    let mut noisy = |seconds: f64| {
        let noise = 1.0 + (random.fraction() + random.fraction() - 1.0) * 0.04;
        (seconds * SECOND * noise).round() as u64
    };
    let unit = |place: usize, duration: u64| {
        let is_build = place.is_multiple_of(3);
        let kind = if is_build {
            UnitKind::Build
        } else {
            UnitKind::Substitution
        };
        let name = format!("package-{place}-1.{}", place % 7);
        let end = if is_build { ".drv" } else { "" };
        let critical = place.is_multiple_of(50);
        PastUnit {
            kind,
            pname: format!("package-{place}"),
            path: format!("/nix/store/{:032x}-{name}{end}", number * 1_000_003 + place),
            name,
            system: is_build.then(|| "x86_64-linux".to_owned()),
            outputs: if is_build {
                vec!["out".to_owned()]
            } else {
                Vec::new()
            },
            machine: None,
            substituter: (!is_build).then(|| "https://cache.nixos.org".to_owned()),
            bytes: (!is_build).then_some(1_000_000 + place as u64),
            unpacked_bytes: (!is_build).then_some(4_000_000),
            duration_ns: Some(duration),
            end: End::Measured,
            outcome: Outcome::Succeeded,
            critical_ns: Some(if critical { duration } else { 0 }),
            saving_ns: Some(if critical { duration / 2 } else { 0 }),
            builder_phases: match is_build {
                true => ["unpackPhase", "buildPhase", "installPhase"]
                    .map(|name| (name.to_owned(), Some(duration / 3)))
                    .into(),
                false => Vec::new(),
            },
        }
    };
    let units: Vec<PastUnit> = (0..n_units)
        .map(|place| {
            let seconds = match place % 3 {
                0 => (5.0 + (place % 50) as f64) * factor,
                _ => 0.5,
            };
            unit(place, noisy(seconds))
        })
        .collect();
    let wall: u64 = units.iter().filter_map(|unit| unit.critical_ns).sum();
    let wall = wall + noisy(30.0);
    let phase = |phase, wall_ns| PastPhase {
        phase,
        wall_ns: Some(wall_ns),
        busy_ns: Some(wall_ns),
        work_ns: Some(wall_ns),
        critical_ns: Some(wall_ns),
        units: 100,
    };
    let evaluation = wall / 20;
    PastRun {
        id: format!(
            "0198{:04x}-{:04x}-7000-8000-{number:012x}",
            number >> 16,
            number & 0xffff
        ),
        started_at: Some(started),
        project: Some("github:example/example#all".to_owned()),
        system: Some("x86_64-linux".to_owned()),
        host: Some("ci".to_owned()),
        nix_version: Some("nix (Nix) 2.34.8".to_owned()),
        command: vec!["nix".to_owned(), "build".to_owned(), ".#all".to_owned()],
        revision: Some(format!("{number:040x}")),
        exit_status: Some(0),
        complete: true,
        timed: true,
        wall_ns: Some(wall),
        slots: Some(8),
        path_known: true,
        phases: vec![
            phase(Phase::Evaluation, evaluation),
            phase(Phase::Building, wall - evaluation),
        ],
        substituted: 200,
        built_asked: Some(100),
        substituters: vec![PastSubstituter {
            uri: "https://cache.nixos.org".to_owned(),
            asked: 300,
            hit: 200,
            missed: 100,
            bytes: Some(200_000_000),
            ..PastSubstituter::default()
        }],
        units,
        ..PastRun::default()
    }
}
