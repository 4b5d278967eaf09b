//! What a recording's header says of the machine and the moment.

use std::env;
use std::fs;
use std::os::unix::net::UnixStream;
use std::thread;

use jiff::Timestamp;
use nixlog_core::recording::{FORMAT, Header};

use super::secrets::without_secrets;
use crate::nix::program::nix_program;

/// Makes the header of a recording that starts at an instant, in nanoseconds since 1970.
pub(crate) fn header(via: &str, command: Vec<String>, started_at: Option<i64>) -> Header {
    let uname = rustix::system::uname();
    let text = |text: &std::ffi::CStr| {
        let text = text.to_string_lossy().into_owned();
        Some(text).filter(|text| !text.is_empty())
    };
    let kernel = text(uname.sysname())
        .zip(text(uname.release()))
        .map(|(name, release)| format!("{name} {release}"));
    let mut header = Header {
        format: FORMAT,
        nixlog_version: env!("CARGO_PKG_VERSION").to_owned(),
        via: via.to_owned(),
        clock: "recorded".to_owned(),
        command: without_secrets(command),
        cwd: env::current_dir()
            .ok()
            .map(|path| path.display().to_string()),
        host: text(uname.nodename()),
        cores: thread::available_parallelism()
            .ok()
            .map(|cores| cores.get() as u64),
        memory_bytes: memory(),
        kernel,
        project: env::var("NIXLOG_PROJECT")
            .ok()
            .filter(|project| !project.is_empty()),
        ..Header::default()
    };
    set_start(&mut header, started_at);
    header
}

/// Sets the instant of stamp zero.
pub(crate) fn set_start(header: &mut Header, started_at: Option<i64>) {
    let timestamp = started_at.and_then(|ns| Timestamp::from_nanosecond(i128::from(ns)).ok());
    header.started_at = timestamp.map(|instant| instant.to_string());
    header.started_at_unix_ns = started_at;
}

/// Finds the command that writes into our standard input, and its working directory, where the system
/// shows other processes as Linux does. A pipe itself does not tell.
pub(crate) fn writer_of_stdin() -> Option<(Vec<String>, Option<String>)> {
    let pipe = fs::read_link("/proc/self/fd/0").ok()?;
    if !pipe.to_string_lossy().starts_with("pipe:") {
        return None;
    }
    let mut writers: Vec<u32> = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid: &u32| {
            let writes = |fd: &str| {
                fs::read_link(format!("/proc/{pid}/fd/{fd}")).is_ok_and(|target| target == pipe)
            };
            writes("2") || writes("1")
        })
        .collect();
    // The shell forks the build first, and what the build starts comes later. Before Nix there may be the
    // shell itself, in `{ nix build; … } |& nixlog`.
    writers.sort_unstable();
    let writers: Vec<_> = writers.into_iter().filter_map(process).collect();
    let is_nix = |(words, _): &(Vec<String>, _)| nix_program(words).is_some();
    let nix = writers.iter().find(|writer| is_nix(writer));
    nix.or(writers.first()).cloned()
}

/// Finds the command at the other end of a socket, and its working directory, where the system tells.
#[cfg(target_os = "linux")]
pub(crate) fn peer(stream: &UnixStream) -> Option<(Vec<String>, Option<String>)> {
    let credentials = rustix::net::sockopt::socket_peercred(stream).ok()?;
    process(u32::try_from(credentials.pid.as_raw_pid()).ok()?)
}

/// Other systems do not tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn peer(_: &UnixStream) -> Option<(Vec<String>, Option<String>)> {
    None
}

/// Returns the command line of a process, and its working directory.
fn process(pid: u32) -> Option<(Vec<String>, Option<String>)> {
    let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words = words.strip_suffix(b"\0").unwrap_or(&words);
    let words: Vec<String> = words
        .split(|&byte| byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .filter(|word| !word.is_empty())
        .collect();
    let cwd = fs::read_link(format!("/proc/{pid}/cwd")).ok();
    let cwd = cwd.map(|path| path.display().to_string());
    (!words.is_empty()).then(|| (without_secrets(words), cwd))
}

/// Returns the size of main memory, where the system tells as Linux does.
fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
