//! Files and trees in few characters.

use std::borrow::Cow;

use crate::store_path::innermost;

/// So many characters of a hash or a revision tell it from others.
const ENOUGH: usize = 7;

/// Shortens what nobody reads: the hash of a store path, the revision and the query of an address.
pub(super) fn short(place: &str) -> Cow<'_, str> {
    if let Some((address, rest)) = place.strip_prefix('«').and_then(|it| it.split_once('»')) {
        return Cow::Owned(format!("«{}»{rest}", short_address(address)));
    }
    if let Some(path) = innermost(place) {
        let rest = place.strip_prefix(path.as_str()).unwrap_or_default();
        let hash = path.hash().get(..ENOUGH).unwrap_or_default();
        let name = path
            .base_name()
            .get(path.hash().len()..)
            .unwrap_or_default();
        return Cow::Owned(format!("{hash}…{name}{rest}"));
    }
    match place.contains(':') {
        true => Cow::Owned(short_address(place)),
        false => Cow::Borrowed(place),
    }
}

/// `github:NixOS/nixpkgs/<40 digits>` becomes `github:NixOS/nixpkgs/<7 digits>`; a query with a hash goes.
fn short_address(address: &str) -> String {
    let bare = address.split('?').next().unwrap_or(address);
    let is_revision =
        |part: &str| part.len() == 40 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = bare.split('/').map(|part| match is_revision(part) {
        true => &part[..ENOUGH],
        false => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_is_left_out() {
        for (place, want) in [
            ("/home/me/a.nix", "/home/me/a.nix"),
            ("/home/me/a.nix:1:2", "/home/me/a.nix:1:2"),
            (
                "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-source/a/b.nix",
                "7ajh8pl…-source/a/b.nix",
            ),
            (
                "«github:NixOS/nixpkgs/0123456789012345678901234567890123456789»/lib/a.nix",
                "«github:NixOS/nixpkgs/0123456»/lib/a.nix",
            ),
            (
                "«path:/home/me/x?lastModified=1&narHash=sha256-x»/a.nix",
                "«path:/home/me/x»/a.nix",
            ),
            ("primop map", "primop map"),
        ] {
            assert_eq!(short(place), want);
        }
    }
}
