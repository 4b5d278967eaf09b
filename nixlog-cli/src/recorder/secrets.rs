//! What of a command line is not for a recording.

/// Settings whose values are secrets, as they stand on a command line.
const SECRET: [&str; 4] = [
    "access-tokens",
    "extra-access-tokens",
    "secret-key-files",
    "netrc-file",
];

/// What stands in place of a secret.
const HIDDEN: &str = "***";

/// Returns a command line without tokens and passwords.
pub(crate) fn without_secrets(words: Vec<String>) -> Vec<String> {
    let mut is_secret = false;
    let mut hide = |word: String| {
        if std::mem::take(&mut is_secret) {
            return HIDDEN.to_owned();
        }
        let name = word.trim_start_matches('-');
        is_secret = SECRET.contains(&name);
        match name.split_once('=') {
            Some((name, _)) if SECRET.contains(&name) => format!("--{name}={HIDDEN}"),
            _ => without_password(word),
        }
    };
    words.into_iter().map(&mut hide).collect()
}

/// `https://user:password@host` becomes `https://***@host`.
fn without_password(word: String) -> String {
    let Some((scheme, rest)) = word.split_once("://") else {
        return word;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') || !scheme.ends_with("ssh") => {
            format!("{scheme}://{HIDDEN}{}", &rest[user.len()..])
        }
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_passwords_are_hidden() {
        let cases = [
            ("nix build .#x -L", "nix build .#x -L"),
            (
                "nix build --option access-tokens github.com=SECRET x",
                "nix build --option access-tokens *** x",
            ),
            (
                "nix build --access-tokens SECRET",
                "nix build --access-tokens ***",
            ),
            (
                "nix build --access-tokens=SECRET",
                "nix build --access-tokens=***",
            ),
            (
                "nix build git+https://SECRET@host/x?y",
                "nix build git+https://***@host/x?y",
            ),
            (
                "nix build git+ssh://git@host/x",
                "nix build git+ssh://git@host/x",
            ),
            ("nix copy --to s3://a:SECRET@b", "nix copy --to s3://***@b"),
            ("x@y https://host/a@b", "x@y https://host/a@b"),
        ];
        for (given, want) in cases {
            let words = given.split(' ').map(str::to_owned).collect();
            assert_eq!(without_secrets(words).join(" "), want);
        }
    }
}
