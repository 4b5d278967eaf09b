//! Reports as people and programs get them: one look at each verb in each format.

use insta::assert_snapshot;

use crate::program::{DIAMOND, FAIL, REMOTE, SLOW, command, run};

fn text(width: &str, args: &[&str]) -> String {
    run(command(args).env("COLUMNS", width)).result()
}

#[test]
fn text_fits_the_terminal() {
    for (name, args) in [
        ("phases", ["phases", SLOW]),
        ("phases_fail", ["phases", FAIL]),
        ("timeline_fail", ["timeline", FAIL]),
        ("timeline_slow", ["timeline", SLOW]),
    ] {
        for width in ["80", "140"] {
            let text = text(width, &args);
            let columns = width.parse().expect("a number");
            // A command to copy is not broken into lines.
            let mut lines = text.lines().filter(|line| !line.starts_with("next: "));
            let long = lines.find(|line| line.chars().count() > columns);
            assert_eq!(long, None, "{name} at {width}");
            assert_snapshot!(format!("{name}_{width}"), text);
        }
    }
}

/// What is redirected into a file does not depend on the terminal that the command was typed in.
#[test]
fn text_in_a_pipe_is_not_cut() {
    let text = run(command(&["doctor", REMOTE]).env_remove("COLUMNS")).result();
    assert!(
        !text.contains("…\n") && text.lines().any(|line| line.len() > 140),
        "{text}"
    );
}

#[test]
fn color_is_asked_for_or_absent() {
    let colored = |name: &str, value: &str, args: &[&str]| {
        let mut command = command(args);
        let text = run(command.env(name, value)).result();
        text.contains('\u{1b}')
    };
    let plain = ["phases", DIAMOND];
    let always = ["phases", DIAMOND, "--color", "always"];
    let never = ["phases", DIAMOND, "--color", "never"];
    assert!(!colored("TERM", "xterm", &plain));
    assert!(colored("CLICOLOR_FORCE", "1", &plain));
    assert!(!colored("CLICOLOR_FORCE", "0", &plain));
    assert!(colored("NO_COLOR", "1", &always));
    assert!(!colored("CLICOLOR_FORCE", "1", &never));
    let mut both = command(&plain);
    both.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    assert!(!run(&mut both).result().contains('\u{1b}'));
}
