//! The story of a substitution: paths from a binary cache, sixteen at a time.

use super::rng::Rng;
use super::stream::{Field, Stream};
use super::words::{hash, package, store_path};

const CACHE: &str = "https://cache.nixos.org";

const SLOTS: usize = 16;

/// Nix reports progress after each buffer that it copies.
const STEP: u64 = 8192;

/// What a progress line takes, to turn bytes of log into bytes to fetch.
const BYTES_PER_LINE: u64 = 93;

/// Sizes of paths as octaves: half of them below 2 MiB, one in thirty above 64 MiB.
const OCTAVES: &[u64] = &[
    14, 15, 16, 17, 17, 18, 18, 18, 19, 19, 19, 20, 20, 20, 20, 21, 21, 21, 21, 22, 22, 22, 22, 23,
    23, 23, 24, 24, 24, 25, 25, 26,
];

struct Path {
    path: String,
    nar_bytes: u64,
}

struct Copy {
    substitution: u64,
    copy: u64,
    transfer: Option<u64>,
    wire_bytes: u64,
    nar_bytes: u64,
    done: u64,
}

struct Counters {
    realise: u64,
    builds: u64,
    copies: u64,
    paths: u64,
    done: u64,
    wire_bytes: u64,
    nar_bytes: u64,
}

pub(super) fn tell(stream: &mut Stream, rng: &mut Rng, bytes: usize) {
    let mut wanted = plan(rng, bytes);
    let mut counters = announce(stream, rng, &wanted);
    let mut running: Vec<Copy> = Vec::new();
    loop {
        while running.len() < SLOTS
            && let Some(path) = wanted.pop()
        {
            running.push(begin(stream, rng, &path));
            counters.write(stream, running.len());
        }
        if running.is_empty() {
            break;
        }
        // Eight lines of ten are about the activity of the line before.
        let at = rng.index(running.len());
        stream.wait(rng.below(400_000));
        for _ in 0..=rng.below(12) {
            if !running[at].advance(stream, rng) {
                let copy = running.swap_remove(at);
                stream.stop(copy.copy);
                stream.stop(copy.substitution);
                counters.write(stream, running.len());
                counters.done += 1;
                counters.write(stream, running.len());
                break;
            }
        }
    }
    for id in [counters.copies, counters.builds, counters.realise] {
        stream.stop(id);
    }
}

/// Chooses paths until copying them fills the log.
fn plan(rng: &mut Rng, bytes: usize) -> Vec<Path> {
    let bytes = u64::try_from(bytes).expect("a length fits in 64 bits");
    // A tenth of the progress is that of transfers and queries.
    let mut to_copy = bytes / BYTES_PER_LINE * 87 / 100 * STEP;
    let mut paths = Vec::new();
    while to_copy > 0 {
        let octave = OCTAVES[rng.index(OCTAVES.len())];
        let nar_bytes = (1 << octave) + rng.below(1 << octave) / 8 * 8;
        let nar_bytes = nar_bytes.min(to_copy.max(STEP));
        to_copy = to_copy.saturating_sub(nar_bytes);
        let name = package(rng);
        let path = store_path(rng, &name);
        paths.push(Path { path, nar_bytes });
    }
    paths
}

fn announce(stream: &mut Stream, rng: &mut Rng, wanted: &[Path]) -> Counters {
    let nar_bytes: u64 = wanted.iter().map(|path| path.nar_bytes).sum();
    let wire_bytes = nar_bytes / 4;
    let query = stream.start(0, 6, 0, "querying info about missing paths", &[]);
    for path in wanted {
        ask(stream, rng, &path.path);
    }
    stream.stop(query);
    let (wire_mib, nar_mib) = (wire_bytes >> 20, nar_bytes >> 20);
    let n_paths = wanted.len();
    stream.message(
        3,
        &format!(
            "these {n_paths} paths will be fetched ({wire_mib}.42 MiB download, {nar_mib}.17 MiB unpacked):"
        ),
    );
    for path in wanted {
        stream.message(3, &format!("  {}", path.path));
    }
    Counters {
        realise: stream.start(102, 0, 0, "", &[]),
        builds: stream.start(104, 0, 0, "", &[]),
        copies: stream.start(103, 0, 0, "", &[]),
        paths: u64::try_from(n_paths).expect("a length fits in 64 bits"),
        done: 0,
        wire_bytes,
        nar_bytes,
    }
}

/// Asks the cache about one path: a query and the transfer of a `.narinfo`.
fn ask(stream: &mut Stream, rng: &mut Rng, path: &str) {
    let text = format!("querying info about '{path}' on '{CACHE}'");
    let fields = [Field::Text(path), Field::Text(CACHE)];
    let query = stream.start(109, 4, 0, &text, &fields);
    let url = format!("{CACHE}/{}.narinfo", &path[11..43]);
    let transfer = download(stream, query, &url);
    for _ in 0..rng.below(20) {
        stream.counts(transfer, 105, &[0, 0, 0, 0]);
    }
    let bytes = 400 + rng.below(600);
    stream.wait(rng.below(40_000_000));
    stream.counts(transfer, 105, &[bytes, bytes, 0, 0]);
    stream.stop(transfer);
    stream.stop(query);
}

fn download(stream: &mut Stream, parent: u64, url: &str) -> u64 {
    let text = format!("downloading '{url}'");
    stream.start(101, 4, parent, &text, &[Field::Text(url)])
}

fn begin(stream: &mut Stream, rng: &mut Rng, path: &Path) -> Copy {
    let name = Field::Text(&path.path);
    let cache = Field::Text(CACHE);
    let substitution = stream.start(108, 0, 0, "", &[name, cache]);
    let text = format!("copying path '{}' from '{CACHE}'", path.path);
    let fields = [name, cache, Field::Text("local")];
    let copy = stream.start(100, 3, substitution, &text, &fields);
    let url = format!("{CACHE}/nar/{}.nar.xz", hash(rng, 52));
    let transfer = download(stream, copy, &url);
    Copy {
        substitution,
        copy,
        transfer: Some(transfer),
        wire_bytes: path.nar_bytes / 4,
        nar_bytes: path.nar_bytes,
        done: 0,
    }
}

impl Copy {
    /// Reports some progress, or says that the path is there.
    fn advance(&mut self, stream: &mut Stream, rng: &mut Rng) -> bool {
        if self.done == self.nar_bytes {
            return false;
        }
        if let Some(transfer) = self.transfer {
            // The download runs ahead of the copy and ends before it.
            let fetched = (self.done * 5 / 16).min(self.wire_bytes);
            if rng.below(9) == 0 || fetched == 0 && rng.below(2) == 0 {
                let total = if fetched == 0 { 0 } else { self.wire_bytes };
                stream.counts(transfer, 105, &[fetched, total, 0, 0]);
                if fetched == self.wire_bytes {
                    stream.stop(transfer);
                    self.transfer = None;
                }
                return true;
            }
        }
        self.done = (self.done + STEP).min(self.nar_bytes);
        stream.counts(self.copy, 105, &[self.done, self.nar_bytes, 0, 0]);
        if self.done == self.nar_bytes
            && let Some(transfer) = self.transfer.take()
        {
            stream.stop(transfer);
        }
        true
    }
}

impl Counters {
    fn write(&self, stream: &mut Stream, running: usize) {
        let running = u64::try_from(running).expect("at most the slots");
        stream.counts(self.builds, 105, &[0, 0, 0, 0]);
        stream.counts(self.copies, 105, &[self.done, self.paths, running, 0]);
        stream.counts(self.realise, 106, &[101, self.wire_bytes]);
        stream.counts(self.realise, 106, &[100, self.nar_bytes]);
    }
}
