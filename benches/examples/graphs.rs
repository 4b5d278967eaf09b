//! Prints how long the algorithms over graphs take, beside petgraph's topological sort in the same run:
//! `cargo run --release -p nixlog-benches --example graphs -- [NODES…]`.
//!
//! Each figure is the best of five in processor time, on one thread, since a machine that builds
//! something else besides is the rule; a larger graph than usual is measured without what is
//! quadratic.

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write as _};

use rustix::time::{ClockId, clock_gettime};

use nixlog_benches::graphs::{Input, LINEAR, MOST_FOR_QUADRATIC, QUADRATIC, Stage};

fn main() -> Result<(), Box<dyn Error>> {
    let sizes: Result<Vec<usize>, _> = env::args().skip(1).map(|arg| arg.parse()).collect();
    let mut sizes = sizes?;
    if sizes.is_empty() {
        sizes = vec![1_000, 10_000, 100_000, 1_000_000];
    }
    let one_thread = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build()?;
    let mut out = io::stdout().lock();
    write!(out, "| nodes | edges |")?;
    for (name, _) in LINEAR.iter().chain(&QUADRATIC) {
        write!(out, " {name} ms |")?;
    }
    writeln!(
        out,
        "\n|{}",
        "---|".repeat(2 + LINEAR.len() + QUADRATIC.len())
    )?;
    for n_nodes in sizes {
        let input = Input::new(n_nodes);
        write!(out, "| {n_nodes} | {} |", input.dag.n_edges())?;
        for stage in &LINEAR {
            write!(out, " {:.2} |", milliseconds(stage, &input))?;
        }
        for stage in &QUADRATIC {
            if n_nodes > MOST_FOR_QUADRATIC {
                write!(out, " |")?;
            } else {
                let time = one_thread.install(|| milliseconds(stage, &input));
                write!(out, " {time:.2} |")?;
            }
        }
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}

fn milliseconds((_, run): &Stage, input: &Input) -> f64 {
    let time = |_| {
        let start = processor_time();
        black_box(run(black_box(input)));
        processor_time() - start
    };
    (0..5).map(time).fold(f64::INFINITY, f64::min) * 1e3
}

/// Returns how long this thread has been running, in seconds.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of an hour fit")]
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
