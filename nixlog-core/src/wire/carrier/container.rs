//! Containers: Docker's `json-file`, `docker logs -t`, the CRI files of containerd and CRI-O, and
//! `kubectl logs --timestamps`.

use std::borrow::Cow;

use memchr::memmem;
use serde::Deserialize;

use super::partial::Partial;
use super::prefix::whole;
use super::{Decode, IssueKind, Time, Unwrapped, generic, stamp};

/// Takes `service-1  | 2014-09-16T06:17:46.000000000Z text` apart: the service, the time, the text.
fn compose_parts(raw: &[u8]) -> Option<(&[u8], Time, &[u8])> {
    let head = &raw[..raw.len().min(128)];
    let bar = memmem::find(head, b"|")?;
    let rest = &raw[bar + 1..];
    // `docker compose` colours the name and the bar.
    let rest = rest.strip_prefix(b"\x1b[0m").unwrap_or(rest);
    let rest = rest.strip_prefix(b" ")?;
    let rest = rest.strip_prefix(b"\x1b[0m").unwrap_or(rest);
    let (time, payload) = generic::date_time(rest)?;
    let name = head[..bar].trim_ascii_end();
    // Another carrier's stamp may stand before the name.
    let is_name = !name.is_empty() && !name.contains(&b' ');
    is_name.then_some((name, time, payload))
}

/// Takes `[pod/name/container] 2016-10-06T00:17:09.66Z text` apart.
fn kubectl_parts(raw: &[u8]) -> Option<(&[u8], Time, &[u8])> {
    let inner = raw.strip_prefix(b"[pod/")?;
    let end = memmem::find(inner, b"] ")?;
    let (time, payload) = generic::date_time(&inner[end + 2..])?;
    Some((&inner[..end], time, payload))
}

/// Cuts a line of `docker compose logs -t`; for the detector.
pub(super) fn compose(raw: &[u8]) -> Option<(Time, &[u8])> {
    compose_parts(raw).map(|(_, time, payload)| (time, payload))
}

/// Cuts a line of `kubectl logs --timestamps --prefix`; for the detector.
pub(super) fn kubectl_prefixed(raw: &[u8]) -> Option<(Time, &[u8])> {
    kubectl_parts(raw).map(|(_, time, payload)| (time, payload))
}

/// Takes a line with a name apart: the name, the time, the payload.
type Parts = fn(&[u8]) -> Option<(&[u8], Time, &[u8])>;

/// Decodes stamped lines that may have the name of their container in front.
pub(super) struct Containers {
    parts: Parts,
    names: Vec<Vec<u8>>,
}

impl Containers {
    /// Makes a decoder of `docker logs -t` and `docker compose logs -t`.
    pub(super) fn docker() -> Self {
        let (parts, names) = (compose_parts as Parts, Vec::new());
        Self { parts, names }
    }

    /// Makes a decoder of `kubectl logs --timestamps`, also with `--prefix`.
    pub(super) fn kubectl() -> Self {
        let (parts, names) = (kubectl_parts as Parts, Vec::new());
        Self { parts, names }
    }
}

impl Decode for Containers {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        if let Some((time, payload)) = generic::date_time(raw) {
            out.push(Some(time), payload);
        } else if let Some((name, time, payload)) = (self.parts)(raw) {
            let known = self.names.iter().position(|known| known == name);
            let place = known.unwrap_or_else(|| {
                self.names.push(name.to_vec());
                self.names.len() - 1
            });
            out.in_strand(place + 1, |out| out.push(Some(time), payload));
        } else {
            whole(raw, out);
        }
    }

    fn finish(&mut self, _out: &mut Unwrapped) {}
}

/// A CRI line taken apart: time, whether it is standard error, whether it goes on, payload.
fn cri_parts(raw: &[u8]) -> Option<(Time, bool, bool, &[u8])> {
    let (stamp, rest) = stamp::date_time(raw)?;
    let rest = rest.strip_prefix(b" std")?;
    let (is_err, rest) = match rest.strip_prefix(b"out ") {
        Some(rest) => (false, rest),
        None => (true, rest.strip_prefix(b"err ")?),
    };
    // The tag may be followed by more tags, as in `P:x`.
    let n = rest.iter().take_while(|&&byte| byte != b' ').count();
    let (tags, rest) = rest.split_at(n);
    let goes_on = match tags.split(|&byte| byte == b':').next() {
        Some(b"P") => true,
        Some(b"F") => false,
        _ => return None,
    };
    let payload = rest.strip_prefix(b" ").unwrap_or(rest);
    Some((stamp.time(), is_err, goes_on, payload))
}

/// Cuts a CRI line; for the detector.
pub(super) fn cri(raw: &[u8]) -> Option<(Time, &[u8])> {
    cri_parts(raw).map(|(time, _, _, payload)| (time, payload))
}

/// Decodes CRI files. `P` lines are joined up to the `F` line of the same stream.
#[derive(Debug, Default)]
pub(super) struct Cri {
    streams: [Partial; 2],
}

impl Decode for Cri {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        let Some((time, is_err, goes_on, payload)) = cri_parts(raw) else {
            whole(raw, out);
            return;
        };
        let stream = &mut self.streams[usize::from(is_err)];
        if goes_on {
            stream.add(Some(time), payload, out);
        } else {
            stream.end(Some(time), payload, out);
        }
    }

    fn finish(&mut self, out: &mut Unwrapped) {
        for stream in &mut self.streams {
            stream.finish(true, out);
        }
    }
}

/// A record of Docker's `json-file`.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(borrow, default)]
    stream: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
}

fn record(raw: &[u8]) -> Option<(Time, Record<'_>)> {
    if !raw.starts_with(b"{") {
        return None;
    }
    let record: Record<'_> = serde_json::from_slice(raw).ok()?;
    let (stamp, rest) = stamp::date_time(record.time.as_bytes())?;
    rest.is_empty().then_some((stamp.time(), record))
}

/// Says whether the line is a record of `json-file`, and hands its text to `look`.
pub(super) fn docker_json_payload<T>(raw: &[u8], look: fn(&[u8]) -> T) -> Option<T> {
    record(raw).map(|(_, record)| look(record.log.as_bytes()))
}

/// Decodes Docker's `json-file`. It cuts long lines at 16 KiB; only the last piece ends in `\n`.
#[derive(Debug, Default)]
pub(super) struct DockerJson {
    streams: [Partial; 2],
}

impl Decode for DockerJson {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        match record(raw) {
            Some((time, record)) => {
                let stream = &mut self.streams[usize::from(record.stream == "stderr")];
                stream.chunk(Some(time), record.log.as_bytes(), out);
            }
            None if raw.starts_with(b"{") => {
                out.note(IssueKind::BadRecord);
                out.push(None, raw);
            }
            None => whole(raw, out),
        }
    }

    fn finish(&mut self, out: &mut Unwrapped) {
        for stream in &mut self.streams {
            stream.finish(true, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(mut decoder: impl Decode, lines: &[&str]) -> Unwrapped {
        let mut out = Unwrapped::new();
        for (number, line) in (1..).zip(lines) {
            out.at_line(number);
            decoder.line(line.as_bytes(), &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn cri_joins_each_stream_by_itself() {
        let out = decode(
            Cri::default(),
            &[
                "2016-10-06T00:17:09.669794202Z stdout P ab",
                "2016-10-06T00:17:10.1Z stderr F err",
                "2016-10-06T02:17:11+02:00 stdout F:x cd",
                "plain",
                "2016-10-06T00:17:12Z stdout F ",
                "2016-10-06T00:17:13Z stderr P cut",
            ],
        );
        assert_eq!(out.text(), b"err\nabcd\nplain\n\ncut\n");
        let base = 1_475_713_029;
        let times: Vec<_> = out.lines().iter().map(|line| line.time).collect();
        let at = |s: i64, ns: i64| Some(Time::Unix((base + s) * stamp::SECOND + ns));
        assert_eq!(
            times,
            [at(1, 100_000_000), at(2, 0), None, at(3, 0), at(4, 0)]
        );
        assert_eq!(out.lines()[1].number, 1);
        assert_eq!(out.issues().len(), 2, "{:?}", out.issues());
    }

    #[test]
    fn docker_joins_pieces_and_splits_lines() {
        let record = |log: &str, stream: &str| {
            format!(r#"{{"log":"{log}","stream":"{stream}","time":"2016-10-06T00:17:09.6Z"}}"#)
        };
        let lines = [
            record("a\\t", "stdout"),
            record("e\\r\\n", "stderr"),
            record("b\\n", "stdout"),
            r#"{"log":1}"#.to_owned(),
            record("\\n", "stdout"),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let out = decode(DockerJson::default(), &lines);
        assert_eq!(out.text(), b"e\na\tb\n{\"log\":1}\n\n");
        assert_eq!(out.issues()[0].kind, IssueKind::BadRecord);
    }

    #[test]
    fn names_of_compose_and_kubectl() {
        let stamped = "2016-10-06T00:17:09.6Z x";
        let time = Some(Time::Unix(1_475_713_029_600_000_000));
        let lines = |decoder: Containers, names: [&str; 4]| {
            let lines = names.map(|name| format!("{name}{stamped}"));
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let out = decode(decoder, &lines);
            assert_eq!(out.text(), b"x\nx\nx\nx\n");
            assert!(out.lines().iter().all(|line| line.time == time));
            out.lines()
                .iter()
                .map(|line| line.strand)
                .collect::<Vec<_>>()
        };
        let names = ["web-1  | ", "db | ", "\u{1b}[36mweb-1  |\u{1b}[0m ", ""];
        assert_eq!(lines(Containers::docker(), names), [1, 2, 3, 0]);
        let names = ["[pod/a-1/b] ", "[pod/a-2/b] ", "", "[pod/a-1/b] "];
        assert_eq!(lines(Containers::kubectl(), names), [1, 2, 0, 1]);
    }
}
