//! `-o FILE`, and outputs that go away.

use std::fs;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use insta::assert_snapshot;

use crate::program::{DIAMOND, REMOTE, command, file, folder, nixlog, run};

#[test]
fn a_file_is_written_whole_and_nothing_beside_it() {
    let folder = folder();
    let path = file(
        &folder,
        "report.json",
        b"something older and much longer than nothing",
    );
    for args in [&["-o", &path][..], &["--output", &path]] {
        let quiet = nixlog(&[&["phases", DIAMOND, "--json"], args].concat()).result();
        assert_eq!(quiet, "");
        let printed = nixlog(&["phases", DIAMOND, "--json"]).result();
        assert_eq!(fs::read_to_string(&path).expect("it is there"), printed);
        let entries = fs::read_dir(folder.path()).expect("a folder");
        assert_eq!(entries.count(), 1);
    }
}

/// Text in a file is neither colored nor cut to the terminal.
#[test]
fn a_file_does_not_depend_on_the_terminal() {
    let folder = folder();
    let path = file(&folder, "report.txt", b"");
    let args = ["doctor", REMOTE, "-o", &path];
    run(command(&args)
        .env("CLICOLOR_FORCE", "1")
        .env("COLUMNS", "40"))
    .result();
    let piped = run(command(&args[..2]).env_remove("COLUMNS")).result();
    assert_eq!(fs::read_to_string(&path).expect("it is there"), piped);
}

#[cfg(unix)]
#[test]
fn others_may_read_what_is_written() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let mode = |path: &str| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    let plain = file(&folder, "made-by-the-test", b"");
    let path = format!("{}/new", folder.path().display());
    nixlog(&["phases", DIAMOND, "-o", &path]).result();
    assert_eq!(mode(&path), mode(&plain));
    // What somebody keeps to himself stays so.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    nixlog(&["phases", DIAMOND, "-o", &path]).result();
    assert_eq!(mode(&path), 0o600);
}

#[cfg(unix)]
#[test]
fn links_stay() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    let target = file(&folder, "target", b"");
    let link = format!("{}/link", folder.path().display());
    symlink(&target, &link).expect("the folder takes links");
    nixlog(&["phases", DIAMOND, "-o", &link]).result();
    let metadata = fs::symlink_metadata(&link).expect("it is there");
    assert!(metadata.is_symlink());
    let written = fs::read_to_string(&target).expect("it is there");
    assert!(written.contains("wall"), "{written}");
}

/// Such as `/dev/null`: whoever may do so would replace it for everybody.
#[cfg(unix)]
#[test]
fn what_is_not_a_file_is_written_to() {
    use std::os::unix::fs::FileTypeExt as _;
    let folder = folder();
    let path = format!("{}/fifo", folder.path().display());
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()));
    let (send, read) = mpsc::channel();
    let fifo = path.clone();
    thread::spawn(move || send.send(fs::read_to_string(fifo)));
    nixlog(&["phases", DIAMOND, "-o", &path]).result();
    let metadata = fs::metadata(&path).expect("it is there");
    assert!(metadata.file_type().is_fifo());
    let written = read.recv_timeout(Duration::from_secs(60));
    let written = written.expect("somebody wrote").expect("it can be read");
    assert!(written.contains("wall"), "{written}");
}

#[test]
fn a_place_that_takes_no_file() {
    let folder = folder();
    let path = folder.path().display().to_string();
    let said = |output: &str| {
        let said = nixlog(&["phases", DIAMOND, "-o", output]).refused();
        said.replace(&path, "FOLDER")
    };
    assert_snapshot!(said(&format!("{path}/missing/report")), @r"
    error: cannot write `FOLDER/missing/report`
    hint: the folder `FOLDER/missing` does not exist: create it, or name another file
    ");
    assert_snapshot!(said(&path), @r"
    error: cannot write `FOLDER`
    caused by: is a directory
    hint: name a file inside the folder
    ");
    let file = file(&folder, "file", b"");
    assert_snapshot!(said(&format!("{file}/report")), @r"
    error: cannot write `FOLDER/file/report`
    hint: the folder `FOLDER/file` does not exist: create it, or name another file
    ");
    assert_eq!(fs::read(&file).expect("it is there"), b"");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    use std::fs::OpenOptions;
    let full = || OpenOptions::new().write(true).open("/dev/full");
    let Ok(stdout) = full() else { return };
    let ran = run(command(&["phases", DIAMOND]).stdout(stdout));
    // Piped output is collected by the caller; this one went to the device.
    assert_eq!(ran.status, Some(2));
    assert_snapshot!(ran.stderr, @r"
    error: cannot write to standard output
    caused by: No space left on device (os error 28)
    ");
}
