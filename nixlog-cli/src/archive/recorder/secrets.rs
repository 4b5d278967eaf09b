//! What of a command line is not for a recording.

use std::borrow::Cow;

/// Settings whose values are secrets, as they stand on a command line.
const SECRET: [&str; 4] = [
    "access-tokens",
    "extra-access-tokens",
    "secret-key-files",
    "netrc-file",
];

/// What the names of variables and of parameters of addresses have in them whose values are secrets, in
/// capitals.
const SIGNS: [&str; 7] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "CREDENTIAL",
    "PRIVATE",
    "APIKEY",
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
            // `env GITHUB_TOKEN=… nix build`; what `NIX_CONFIG` says may be anything.
            Some((name, _)) if is_variable(name) && (has_sign(name) || name == "NIX_CONFIG") => {
                format!("{name}={HIDDEN}")
            }
            _ => without_passwords(&word),
        }
    };
    words.into_iter().map(&mut hide).collect()
}

fn is_variable(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(is_part)
}

fn has_sign(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace(['_', '-'], "");
    SIGNS.iter().any(|sign| name.contains(sign))
}

/// Hides what is secret in addresses; a word of a command line may be a list of them.
fn without_passwords(word: &str) -> String {
    let addresses = word.split_inclusive(char::is_whitespace);
    addresses.map(without_password).collect()
}

/// `https://user:password@host?token=…` becomes `https://***@host?token=***`.
fn without_password(word: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = word.split_once("://") else {
        return Cow::Borrowed(word);
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) if user.contains(':') || !scheme.ends_with("ssh") => {
            Cow::Owned(format!("{HIDDEN}@{host}"))
        }
        _ => Cow::Borrowed(authority),
    };
    let Some((path, parameters)) = path.split_once('?') else {
        return Cow::Owned(format!("{scheme}://{authority}{path}"));
    };
    let shown = parameters
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if has_sign(name) => format!("{name}={HIDDEN}"),
            _ => parameter.to_owned(),
        });
    let shown: Vec<String> = shown.collect();
    Cow::Owned(format!("{scheme}://{authority}{path}?{}", shown.join("&")))
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
            (
                "nix build git+https://host/x?ref=main&private_token=SECRET&dir=a",
                "nix build git+https://host/x?ref=main&private_token=***&dir=a",
            ),
            (
                "env GITHUB_TOKEN=SECRET CI=1 nix build",
                "env GITHUB_TOKEN=*** CI=1 nix build",
            ),
            (
                "env NIX_CONFIG=access-tokens=SECRET nix build",
                "env NIX_CONFIG=*** nix build",
            ),
            ("nix build -I nixpkgs=/x", "nix build -I nixpkgs=/x"),
        ];
        for (given, want) in cases {
            let words = given.split(' ').map(str::to_owned).collect();
            assert_eq!(without_secrets(words).join(" "), want);
        }
    }

    /// One word of a command line may have several.
    #[test]
    fn each_address_of_a_list_counts() {
        let list = "https://cache.nixos.org https://me:SECRET@a/x\n\thttps://me:SECRET@b";
        let want = "https://cache.nixos.org https://***@a/x\n\thttps://***@b";
        let words = ["--option", "substituters", list].map(str::to_owned);
        assert_eq!(without_secrets(words.into())[2], want);
    }
}
