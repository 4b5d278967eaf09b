//! Makes profiles of evaluations, and tells how fast they are read:
//! `cargo run --release -p nixlog-benches --example profiles -- make 1000000000 > big.profile`, and then
//! `… -- read big.profile` for costs by everything, `… -- draw big.profile` for the tree of a flame graph.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::time::Instant;

use nixlog_core::eval::stacks::tree::Tree;
use nixlog_core::eval::stacks::{By, Costs, Kind, NoNames, Reader, Sink};
use nixlog_core::statistics::random::Random;

/// How many distinct frames there are: about as many as an evaluation of a NixOS system has.
const FRAMES: usize = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["make", size] => make(size.parse()?),
        ["read", path] => {
            let by = [
                By::File,
                By::Function,
                By::Input,
                By::Module,
                By::Derivation,
                By::Frame,
            ];
            let profile = read(path, Costs::new(&by, &NoNames))?;
            let facts = &profile.facts;
            writeln!(
                io::stdout(),
                "{} stacks, {} frames, {} deep, {} bad lines",
                facts.stacks,
                facts.frames,
                facts.depth,
                facts.bad_lines
            )?;
            Ok(())
        }
        ["draw", path] => {
            let tree = read(path, Tree::new(By::Frame, &NoNames))?;
            let share = tree.merged() as f64 / tree.total() as f64;
            writeln!(
                io::stdout(),
                "{} calls, {share:.3} merged",
                tree.calls.len()
            )?;
            Ok(())
        }
        _ => Err("expected: make BYTES, read FILE or draw FILE".into()),
    }
}

/// Writes stacks of 30 to 80 frames that mostly begin as the one before, with paths like those of nixpkgs.
fn make(size: u64) -> Result<(), Box<dyn Error>> {
    let mut random = Random::new(1);
    let frames: Vec<String> = (0..FRAMES)
        .map(|n| {
            let file = n % 1500;
            let (line, column) = (1 + random.below(900), 1 + random.below(70));
            let place = match file % 4 {
                0 => {
                    format!("/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-source/lib/file{file}.nix")
                }
                1 => format!(
                    "«github:NixOS/nixpkgs/45cd6090»/pkgs/dir{}/file{file}.nix",
                    file % 37
                ),
                2 => format!("/home/dev/nixpkgs/nixos/modules/services/file{file}.nix"),
                _ => "«nix-internal»/derivation-internal.nix".to_owned(),
            };
            match n % 5 {
                0 => format!("{place}:{line}:{column}"),
                1 => format!("{place}:{line}:{column}:primop map"),
                2 => format!("{place}:{line}:{column}:primop derivationStrict:package-{n}-1.0"),
                _ => format!("{place}:{line}:{column}:function{}", n % 400),
            }
        })
        .collect();
    let mut out = BufWriter::new(io::stdout().lock());
    let mut stack: Vec<usize> = Vec::new();
    let mut written = 0;
    while written < size {
        stack.truncate(stack.len().saturating_sub(1 + random.below(12)));
        let depth = 30 + random.below(50);
        while stack.len() < depth {
            stack.push(random.below(FRAMES));
        }
        for (at, &frame) in stack.iter().enumerate() {
            let separator = if at == 0 { "" } else { ";" };
            write!(out, "{separator}{}", frames[frame])?;
            written += (separator.len() + frames[frame].len()) as u64;
        }
        let count = 1 + random.below(3);
        writeln!(out, " {count}")?;
        written += 3;
    }
    Ok(out.flush()?)
}

/// Reads a file in blocks, and says how fast that was.
fn read<S: Sink>(path: &str, sink: S) -> Result<S::Result, Box<dyn Error>> {
    let mut file = File::open(path)?;
    let mut block = vec![0; 1 << 20];
    let begun = Instant::now();
    let mut n_bytes = 0;
    let mut n = file.read(&mut block)?;
    let mut reader = Reader::new(Kind::of(&block[..n]), sink);
    while n > 0 {
        reader.feed(&block[..n]);
        n_bytes += n;
        n = file.read(&mut block)?;
    }
    let result = reader.finish();
    let seconds = begun.elapsed().as_secs_f64();
    let megabytes = n_bytes as f64 / 1e6;
    writeln!(
        io::stdout(),
        "{megabytes:.0} MB in {seconds:.2} s: {:.0} MB/s",
        megabytes / seconds
    )?;
    Ok(result)
}
