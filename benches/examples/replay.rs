//! Prints a recording at the pace at which it was recorded, as Nix would: to look at what shows
//! while a build runs. `replay corpus/….ts.log.zst 20 |& nixlog …` is twenty times as fast.
//!
//! Each line begins with nanoseconds since the start, which are taken off.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: replay FILE [SPEED]";

/// The four bytes that zstd files begin with.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = env::args().skip(1).collect();
    let (file, speed) = match &args[..] {
        [file] => (file, 1.0),
        [file, speed] => (file, speed.parse()?),
        _ => return Err(USAGE.into()),
    };
    let mut log = fs::read(file)?;
    if log.starts_with(ZSTD) {
        log = zstd::decode_all(log.as_slice())?;
    }
    let mut out = io::BufWriter::new(io::stderr());
    let start = Instant::now();
    for line in log.split_inclusive(|&byte| byte == b'\n') {
        let space = line.iter().position(|&byte| byte == b' ').unwrap_or(0);
        let nanos = str::from_utf8(&line[..space])
            .ok()
            .and_then(|stamp| stamp.parse().ok());
        let due = nanos.map(|nanos| Duration::from_nanos(nanos).div_f64(speed));
        let wait = due.map_or(Duration::ZERO, |due| due.saturating_sub(start.elapsed()));
        if wait > Duration::ZERO {
            out.flush()?;
            thread::sleep(wait);
        }
        out.write_all(line.get(space + 1..).unwrap_or_default())?;
    }
    out.flush()?;
    Ok(())
}
