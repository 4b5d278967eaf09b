//! The lines of the sampling profiler: `FRAME;FRAME;… COUNT`, the outermost call first.

use super::Sink;
use super::reader::Calls;

/// Reads lines; remembers the last one, since most stacks begin as the one before does.
#[derive(Debug, Default)]
pub(super) struct Samples {
    /// The stack of the last line.
    stack: Vec<u8>,
    /// Where each of its frames ends.
    ends: Vec<usize>,
}

impl Samples {
    /// Reads a line; returns whether it is one.
    pub(super) fn line<S: Sink>(&mut self, line: &[u8], calls: &mut Calls<S>) -> bool {
        let Some((stack, count)) = stack_and_count(line) else {
            return false;
        };
        if !calls.can_add(count) {
            return false;
        }
        let same = common_prefix(&self.stack, stack);
        let mut keep = self.ends.partition_point(|&end| end <= same);
        if let Some(&end) = keep.checked_sub(1).and_then(|last| self.ends.get(last)) {
            // The last frame of the two may go on in one of them.
            keep -= usize::from(stack.get(end).is_some_and(|&byte| byte != b';'));
        }
        for _ in keep..self.ends.len() {
            calls.pop();
        }
        self.ends.truncate(keep);
        self.stack.truncate(same);
        self.stack.extend_from_slice(&stack[same..]);
        let mut from = match self.ends.last() {
            None => 0,
            Some(&end) => end + 1,
        };
        while from <= stack.len() {
            let rest = &stack[from..];
            let end = from + memchr::memchr(b';', rest).unwrap_or(rest.len());
            let frame = calls.frame(&stack[from..end]);
            calls.push(frame);
            self.ends.push(end);
            from = end + 1;
        }
        calls.add(count);
        calls.facts.stacks += 1;
        true
    }
}

/// Splits a line at its last space.
fn stack_and_count(line: &[u8]) -> Option<(&[u8], u64)> {
    let space = memchr::memrchr(b' ', line)?;
    let (stack, count) = (&line[..space], &line[space + 1..]);
    let is_number = !stack.is_empty() && count.iter().all(u8::is_ascii_digit);
    let count = is_number.then(|| std::str::from_utf8(count).ok())??;
    Some((stack, count.parse().ok()?))
}

/// Returns how many bytes two texts have in common at the front.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const AT_ONCE: usize = 64;
    let chunks = a.chunks_exact(AT_ONCE).zip(b.chunks_exact(AT_ONCE));
    let same = chunks.take_while(|(a, b)| a == b).count() * AT_ONCE;
    let bytes = a[same..].iter().zip(&b[same..]);
    same + bytes.take_while(|(a, b)| a == b).count()
}
