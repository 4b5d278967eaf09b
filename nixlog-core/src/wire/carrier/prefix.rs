//! The plain carriers: a stamp in front of each line, and nothing else. One mechanism for all.

use super::{Decode, IssueKind, Time, Unwrapped};

/// Cuts a line into its time and its payload; `None` where it does not have the form.
pub(super) type Cut = fn(&[u8]) -> Option<(Time, &[u8])>;

/// Decodes a carrier that is nothing but a [`Cut`]. Copies each payload once, allocates nothing.
pub(super) struct Prefix(pub(super) Cut);

impl Decode for Prefix {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        if let Some((time, payload)) = (self.0)(raw) {
            out.push(Some(time), payload);
        } else {
            whole(raw, out);
        }
    }

    fn finish(&mut self, _out: &mut Unwrapped) {}
}

/// Hands on a line that does not have the carrier's form. An empty one is no news.
pub(super) fn whole(raw: &[u8], out: &mut Unwrapped) {
    if !matches!(raw, [] | b"\r") {
        out.note(IssueKind::Unstamped);
    }
    out.push(None, raw);
}
