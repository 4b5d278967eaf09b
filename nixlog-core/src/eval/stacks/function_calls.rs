//! The lines of `--trace-function-calls`: `function-trace entered PLACE at NANOSECONDS`.

use std::borrow::Cow;

use memchr::memmem;

use super::Sink;
use super::reader::Calls;
use crate::json_str::JsonStr;

/// Reads lines; remembers which calls go on.
#[derive(Debug, Default)]
pub(super) struct FunctionCalls {
    stack: Vec<u32>,
    /// How often each frame is on the stack.
    on_stack: Vec<u32>,
    last: Option<u64>,
}

impl FunctionCalls {
    /// Reads a line; returns whether it is one of these, or none that looks like one.
    pub(super) fn line<S: Sink>(&mut self, line: &[u8], calls: &mut Calls<S>) -> bool {
        let Some(at) = memmem::find(line, b"function-trace ") else {
            return true;
        };
        let is_json = at.checked_sub(1).map(|before| line[before]) == Some(b'"');
        let rest = &line[at + b"function-trace ".len()..];
        let Some((entered, place, stamp)) = entered_place_stamp(rest) else {
            return false;
        };
        let place = match std::str::from_utf8(place) {
            Ok(text) if is_json => match JsonStr::new(text).decode() {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
            _ => Cow::Borrowed(place),
        };
        let frame = calls.frame(&place);
        let index = frame as usize;
        if self.on_stack.len() <= index {
            self.on_stack.resize(index + 1, 0);
        }
        if !entered && self.on_stack[index] == 0 {
            return false;
        }
        if let Some(last) = self.last {
            calls.facts.clock_went_back += u64::from(stamp < last);
            let cost = stamp.saturating_sub(last);
            if cost > 0 && calls.can_add(cost) {
                calls.add(cost);
            }
        }
        self.last = Some(stamp);
        if entered {
            self.on_stack[index] += 1;
            self.stack.push(frame);
            calls.push(frame);
            calls.facts.stacks += 1;
            return true;
        }
        while let Some(top) = self.stack.pop() {
            calls.pop();
            self.on_stack[top as usize] -= 1;
            if top == frame {
                break;
            }
            calls.facts.unwound += 1;
        }
        true
    }
}

/// Reads `entered PLACE at NANOSECONDS`, or `exited`; what comes after the number is the carrier's.
fn entered_place_stamp(text: &[u8]) -> Option<(bool, &[u8], u64)> {
    let (entered, text) = match text.strip_prefix(b"entered ") {
        Some(text) => (true, text),
        None => (false, text.strip_prefix(b"exited ")?),
    };
    let at = memmem::rfind(text, b" at ")?;
    let stamp = &text[at + b" at ".len()..];
    let n_digits = stamp
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let stamp = std::str::from_utf8(&stamp[..n_digits]).ok()?;
    Some((entered, &text[..at], stamp.parse().ok()?))
}
