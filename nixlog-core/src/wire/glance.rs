//! What a line is, for those who copy lines and do not read them: only Nix's own shape is known.

use super::event::Progress;
use super::json;
use crate::ids::ActivityId;

/// Reads the counters of an activity, where a line is nothing but those in the shape in which Nix writes
/// them.
#[must_use]
pub fn progress_line(line: &[u8]) -> Option<Progress> {
    let line = bare(line).strip_prefix(b"{\"action\":\"result\",\"fields\":[")?;
    let line = line.strip_suffix(b",\"type\":105}")?;
    let mut counts = [0; 4];
    let mut at = 0;
    for (index, count) in counts.iter_mut().enumerate() {
        let (value, end) = json::integer(line, at)?;
        let follows = if index < 3 { b',' } else { b']' };
        if *line.get(end)? != follows {
            return None;
        }
        *count = value;
        at = end + 1;
    }
    let id = line.get(at..)?.strip_prefix(b",\"id\":")?;
    let (id, _) = json::integer(id, 0).filter(|&(_, end)| end == id.len())?;
    let [done, expected, running, failed] = counts;
    Some(Progress {
        id: ActivityId(id),
        done,
        expected,
        running,
        failed,
    })
}

/// Reads which activity ends, where a line says that one does, in the shape in which Nix writes it.
#[must_use]
pub fn stop_line(line: &[u8]) -> Option<ActivityId> {
    let id = bare(line)
        .strip_prefix(b"{\"action\":\"stop\",\"id\":")?
        .strip_suffix(b"}")?;
    let (value, end) = json::integer(id, 0)?;
    (end == id.len()).then_some(ActivityId(value))
}

/// Takes off the mark that lines of a `json-log-path` file lack.
fn bare(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"@nix ").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::super::{Body, scan};
    use super::*;

    /// The glance sees nothing that the scanner does not.
    #[test]
    fn agrees_with_the_scanner() {
        let lines = [
            r#"@nix {"action":"result","fields":[8192,300280,0,0],"id":98784247817,"type":105}"#,
            r#"{"action":"result","fields":[0,679912248,1,2],"id":7,"type":105}"#,
            r#"@nix {"action":"result","fields":[1,2,3],"id":7,"type":105}"#,
            r#"@nix {"action":"result","fields":[1,2,3,4,5],"id":7,"type":105}"#,
            r#"@nix {"action":"result","fields":[1,2,3,4],"id":7,"type":106}"#,
            r#"@nix {"action":"result","fields":[1,2,3,4],"id":7x,"type":105}"#,
            r#"@nix {"action":"result","fields":[1,2,3,4],"id":7,"type":105} "#,
            r#"@nix {"action":"result","fields":["x"],"id":7,"type":101}"#,
            r#"@nix {"action":"stop","id":188978561029}"#,
            r#"@nix {"action":"stop","id":188978561029,"sid":"x"}"#,
            r#"@nix {"action":"stop","id":}"#,
            "building",
            "",
        ];
        let mut n_seen = 0;
        for line in lines {
            let event = scan(line).next().map(|line| line.body);
            if let Some(progress) = progress_line(line.as_bytes()) {
                assert_eq!(
                    event,
                    Some(Body::Event(Event::Progress(progress))),
                    "{line}"
                );
                n_seen += 1;
            }
            if let Some(id) = stop_line(line.as_bytes()) {
                assert_eq!(event, Some(Body::Event(Event::Stop(id))), "{line}");
                n_seen += 1;
            }
        }
        assert_eq!(n_seen, 3);
    }
}
