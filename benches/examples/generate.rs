//! Writes a generated log to standard output, to measure whole programs with:
//! `cargo run --release -p nixlog-benches --example generate -- download 1 1000000000 > big.log`.

use std::env;
use std::error::Error;
use std::io::{self, Write as _};

use nixlog_benches::{Mix, generate, generate_stamped};

const USAGE: &str = "usage: generate build|download|escapes SEED BYTES [stamped]";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let (mix, rest) = match &args[..] {
        ["build", rest @ ..] => (Mix::Build, rest),
        ["download", rest @ ..] => (Mix::Download, rest),
        ["escapes", rest @ ..] => (Mix::Escapes, rest),
        _ => return Err(USAGE.into()),
    };
    let log = match rest {
        [seed, bytes] => generate(mix, seed.parse()?, bytes.parse()?),
        [seed, bytes, "stamped"] => generate_stamped(mix, seed.parse()?, bytes.parse()?),
        _ => return Err(USAGE.into()),
    };
    io::stdout().write_all(log.as_bytes())?;
    Ok(())
}
