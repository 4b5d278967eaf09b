//! The story of a build: what is planned, then up to four builders at work at a time.

use super::rng::Rng;
use super::stream::{Field, Stream};
use super::words::{PHASES, package, store_path};

/// Lines that builds print, by phase and output path.
pub(super) type LineOf = fn(&mut String, &mut Rng, usize, &str);

const SLOTS: usize = 4;

/// With 19 other lines a build, so that 84 % of the lines are log lines.
const BYTES_PER_BUILD: usize = 17_600;

struct Job {
    id: u64,
    output: String,
    phase: usize,
    /// What it still prints in this phase, and in all, in bytes.
    phase_left: usize,
    left: usize,
    size: usize,
}

struct Counters {
    realise: u64,
    builds: u64,
    copies: u64,
    expected: u64,
    done: u64,
}

pub(super) fn tell(stream: &mut Stream, rng: &mut Rng, bytes: usize, line_of: LineOf) {
    let n_builds = (bytes / BYTES_PER_BUILD).max(1);
    let mut planned: Vec<_> = (0..n_builds).map(|_| package(rng)).collect();
    let mut counters = plan(stream, rng, &mut planned);

    let mut running: Vec<Job> = Vec::new();
    let mut text = String::new();
    loop {
        while running.len() < SLOTS && !planned.is_empty() {
            let open: usize = running.iter().map(|job| job.left).sum();
            let share = bytes.saturating_sub(stream.len() + open) / planned.len();
            let drv = planned.pop().expect("not empty");
            let size = share / 2 + rng.index(share.max(1));
            running.push(begin(stream, rng, &drv, size));
            counters.write(stream, running.len());
        }
        if running.is_empty() {
            break;
        }
        let at = rng.index(running.len());
        stream.wait(rng.below(4_000_000));
        for _ in 0..=rng.below(8) {
            if !running[at].print(stream, rng, &mut text, line_of) {
                let job = running.swap_remove(at);
                counters.done += 1;
                counters.write(stream, running.len());
                stream.stop(job.id);
                break;
            }
        }
    }
    for id in [counters.copies, counters.builds, counters.realise] {
        stream.stop(id);
    }
}

/// Evaluation and the list of what will be built; turns names into paths of derivations.
fn plan(stream: &mut Stream, rng: &mut Rng, planned: &mut [String]) -> Counters {
    let text = "evaluating derivation 'git+file:///home/dev/project#default'";
    let evaluation = stream.start(0, 4, 0, text, &[]);
    let source = stream.start(0, 5, 0, "copying '/home/dev/project' to the store", &[]);
    stream.wait(12_000_000);
    stream.stop(source);
    stream.wait(900_000_000);
    stream.stop(evaluation);
    let query = stream.start(0, 6, 0, "querying info about missing paths", &[]);
    stream.wait(30_000_000);
    stream.stop(query);
    let title = format!("these {} derivations will be built:", planned.len());
    stream.message(3, &title);
    for name in planned.iter_mut() {
        *name = store_path(rng, &format!("{name}.drv"));
        stream.message(3, &format!("  {name}"));
    }
    Counters {
        realise: stream.start(102, 0, 0, "", &[]),
        builds: stream.start(104, 0, 0, "", &[]),
        copies: stream.start(103, 0, 0, "", &[]),
        expected: u64::try_from(planned.len()).expect("a length fits in 64 bits"),
        done: 0,
    }
}

fn begin(stream: &mut Stream, rng: &mut Rng, drv: &str, size: usize) -> Job {
    let fields = [
        Field::Text(drv),
        Field::Text(""),
        Field::Int(1),
        Field::Int(1),
    ];
    let id = stream.start(105, 3, 0, &format!("building '{drv}'"), &fields);
    let name = drv.split_once('-').map_or(drv, |(_, name)| name);
    let output = store_path(rng, name.trim_end_matches(".drv"));
    Job {
        id,
        output,
        phase: 0,
        phase_left: 0,
        left: size,
        size,
    }
}

impl Job {
    /// Prints a line, or says that there is none left to print.
    fn print(
        &mut self,
        stream: &mut Stream,
        rng: &mut Rng,
        text: &mut String,
        line_of: LineOf,
    ) -> bool {
        let before = stream.len();
        if self.phase_left == 0 {
            let Some((name, share)) = PHASES.get(self.phase) else {
                return false;
            };
            self.phase += 1;
            let share = usize::try_from(*share).expect("a percentage");
            self.phase_left = self.size * share / 100;
            stream.result(self.id, 104, &[Field::Text(name)]);
            let running = format!("Running phase: {name}");
            stream.result(self.id, 101, &[Field::Text(&running)]);
        } else {
            text.clear();
            line_of(text, rng, self.phase - 1, &self.output);
            stream.result(self.id, 101, &[Field::Text(text)]);
        }
        let printed = stream.len() - before;
        self.phase_left = self.phase_left.saturating_sub(printed);
        self.left = self.left.saturating_sub(printed);
        true
    }
}

impl Counters {
    fn write(&self, stream: &mut Stream, running: usize) {
        let running = u64::try_from(running).expect("at most the slots");
        stream.counts(self.builds, 105, &[self.done, self.expected, running, 0]);
        stream.counts(self.copies, 105, &[0, 0, 0, 0]);
        stream.counts(self.realise, 106, &[101, 0]);
        stream.counts(self.realise, 106, &[100, 0]);
    }
}
