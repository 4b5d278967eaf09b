//! Addresses of caches and machines, as settings and logs have them.

use std::net::Ipv4Addr;

/// Returns the host of an address, with its port: without user, path and parameters. A bare name is one, too.
#[must_use]
pub fn authority(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    rest.rsplit_once('@').map_or(rest, |(_, host)| host)
}

/// Returns the host of an address, without its port.
#[must_use]
pub fn host(uri: &str) -> &str {
    let authority = authority(uri);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Tells whether an address is on this machine.
#[must_use]
pub fn is_local(uri: &str) -> bool {
    let host = host(uri);
    let is_loopback = host.parse().is_ok_and(|it: Ipv4Addr| it.is_loopback());
    uri.contains("://") && (is_loopback || matches!(host, "localhost" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_addresses() {
        for (uri, want) in [
            ("https://cache.nixos.org", "cache.nixos.org"),
            ("http://user@h:80/p", "h"),
            ("http://[::1]:80/p", "[::1]"),
            ("http://[::1]/p", "[::1]"),
            ("ssh-ng://me@b?x=y", "b"),
            ("a", "a"),
            ("file:///x", ""),
        ] {
            assert_eq!(host(uri), want, "{uri}");
        }
        assert_eq!(authority("ssh://me@b:22/x"), "b:22");
    }

    #[test]
    fn this_machine_has_several_names() {
        for (uri, want) in [
            ("http://localhost:5000", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:80/p", true),
            ("http://127.example.org", false),
            ("http://localhost.example.org", false),
            ("localhost", false),
            ("https://cache.nixos.org", false),
        ] {
            assert_eq!(is_local(uri), want, "{uri}");
        }
    }
}
