//! What a run is, without reading all of it: its first line and its last.

use std::fs::{File, TryLockError};
use std::io;

use nixlog_core::recording::{End, Header, RecordedLine, SideLine, recorded_line};
use nixlog_core::report::verbs::runs::RunState;

use super::list::Run;
use crate::archive::frames::{first_frame, last_frame};

/// What is known of a run from its ends.
#[derive(Debug, Clone)]
pub(crate) struct Summary {
    pub(crate) state: State,
    /// How long its file is.
    pub(crate) bytes: u64,
    /// What its first line says.
    pub(crate) header: Option<Box<Header>>,
    /// What its last line says.
    pub(crate) end: Option<End>,
}

/// How far a recording got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It has its end.
    Complete,
    /// Somebody still writes it.
    Running,
    /// Whoever wrote it is gone; what was written is there.
    CutOff,
    /// It cannot be read as a recording.
    Damaged(String),
}

impl From<&State> for RunState {
    fn from(state: &State) -> Self {
        match state {
            State::Complete => Self::Complete,
            State::Running => Self::Running,
            State::CutOff => Self::CutOff,
            State::Damaged(_) => Self::Damaged,
        }
    }
}

/// Tells whether whoever writes a recording is still there.
pub(super) fn is_being_written(file: &File) -> bool {
    // A lock that is ours is let go with the file. Where there are no locks, nobody knows.
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

impl Run {
    /// Reads the ends of the recording.
    ///
    /// # Errors
    ///
    /// Where the file cannot be opened; one that makes no sense is a damaged run.
    pub(crate) fn summary(&self) -> io::Result<Summary> {
        let (mut file, is_partial) = self.open()?;
        let mut summary = Summary {
            state: State::CutOff,
            bytes: file.metadata()?.len(),
            header: None,
            end: None,
        };
        let is_running = is_partial && is_being_written(&file);
        match header(&mut file) {
            Ok(header) => summary.header = Some(header),
            // Nothing was written yet, or not all of the first frame.
            Err(_) if is_partial => {}
            Err(why) => {
                summary.state = State::Damaged(why);
                return Ok(summary);
            }
        }
        match end(&mut file) {
            Ok(end) => summary.end = end,
            Err(why) => summary.state = State::Damaged(why),
        }
        if is_running {
            summary.state = State::Running;
        } else if summary.end.is_some() {
            summary.state = State::Complete;
        }
        Ok(summary)
    }
}

/// Reads the first line, or says why it cannot be.
fn header(file: &mut File) -> Result<Box<Header>, String> {
    let text =
        first_frame(file).map_err(|error| format!("its beginning is unreadable: {error}"))?;
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match side(line) {
        Some(SideLine::Header(header)) => Ok(header),
        _ => Err("it does not begin like a recording".to_owned()),
    }
}

/// Reads the last line; `None` where the recording has no end.
fn end(file: &mut File) -> Result<Option<End>, String> {
    let text = last_frame(file).map_err(|error| format!("its end is unreadable: {error}"))?;
    let Some(text) = text else {
        return Ok(None);
    };
    let mut lines = text.split(|&byte| byte == b'\n').rev();
    Ok(lines.find_map(|line| match side(line) {
        Some(SideLine::End(end)) => Some(end),
        _ => None,
    }))
}

fn side(line: &[u8]) -> Option<SideLine<'_>> {
    match recorded_line(line) {
        RecordedLine::Side(json) => SideLine::parse(std::str::from_utf8(json).ok()?),
        RecordedLine::Log(..) => None,
    }
}
