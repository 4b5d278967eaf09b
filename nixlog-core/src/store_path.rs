//! Store paths and the names inside them, parsed once.

/// A store path, or the base name of one: `/nix/store/<32 characters>-<name>`.
///
/// The alphabet of the hash is Nix's base 32 (no `e`, `o`, `t`, `u`). The store directory may be
/// any: stores in a home directory and `chroot` stores exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StorePath<'a> {
    path: &'a str,
    hash_at: usize,
}

/// Characters in the hash of a store path.
const HASH_LEN: usize = 32;

impl<'a> StorePath<'a> {
    /// Parses a full store path or a base name; `None` where there is no hash.
    #[must_use]
    pub fn parse(path: &'a str) -> Option<Self> {
        let hash_at = memchr::memrchr(b'/', path.as_bytes()).map_or(0, |slash| slash + 1);
        let base = path.as_bytes().get(hash_at..)?;
        let (hash, rest) = base.split_at_checked(HASH_LEN)?;
        // Without an early exit, so that the compiler takes sixteen at a time.
        let is_hash = hash.iter().fold(true, |all, &byte| all & is_base32(byte));
        let valid = is_hash && rest.len() > 1 && rest[0] == b'-';
        valid.then_some(Self { path, hash_at })
    }

    /// Returns the path as given.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.path
    }

    /// Returns `<hash>-<name>`, without the store directory.
    #[must_use]
    pub fn base_name(self) -> &'a str {
        &self.path[self.hash_at..]
    }

    /// Returns the 32 characters of the hash.
    #[must_use]
    pub fn hash(self) -> &'a str {
        &self.path[self.hash_at..self.hash_at + HASH_LEN]
    }

    /// Returns the name without hash and without `.drv`.
    #[must_use]
    pub fn name(self) -> &'a str {
        let name = &self.path[self.hash_at + HASH_LEN + 1..];
        name.strip_suffix(".drv").unwrap_or(name)
    }
}

/// Finds the store path that a file lies in, or is: the innermost, since a sandbox has a store of its
/// own below the store.
#[must_use]
pub fn innermost(file: &str) -> Option<StorePath<'_>> {
    let mut path = file;
    loop {
        match StorePath::parse(path) {
            None => path = &path[..path.rfind('/')?],
            found => return found,
        }
    }
}

/// Tells whether a byte belongs to Nix's base-32 alphabet.
#[inline]
fn is_base32(byte: u8) -> bool {
    let digit = byte.wrapping_sub(b'0') < 10;
    let letter = byte.wrapping_sub(b'a') < 26;
    let left_out = (byte == b'e') | (byte == b'o') | (byte == b't') | (byte == b'u');
    digit | (letter & !left_out)
}

/// Returns the last part of a path: of a store path, `<hash>-<name>`.
#[must_use]
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns the name inside a store path, or the last part of any other path.
#[must_use]
pub fn name_of(path: &str) -> &str {
    StorePath::parse(path).map_or_else(|| base_name(path), StorePath::name)
}

/// Returns the part of a name before its version, by Nix's rule: the version starts at the first
/// `-` that is followed by something other than a letter (`DrvName::DrvName` in Nix's `names.cc`).
#[must_use]
pub fn pname_of(name: &str) -> &str {
    let bytes = name.as_bytes();
    let version = bytes
        .windows(2)
        .position(|pair| pair[0] == b'-' && !pair[1].is_ascii_alphabetic());
    version.map_or(name, |at| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_paths_and_base_names() {
        let path = "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.1.drv";
        let parsed = StorePath::parse(path).expect("a store path");
        assert_eq!(parsed.name(), "hello-2.12.1");
        assert_eq!(parsed.base_name(), &path[11..]);
        assert_eq!(
            StorePath::parse(&path[11..]).map(StorePath::name),
            Some("hello-2.12.1")
        );
        for bad in [
            "",
            "/nix/store",
            "/nix/store/short-x",
            "/tmp/7ajh8plhm64ypnph30js1a3lq6zsyxqe-x",
        ] {
            assert_eq!(StorePath::parse(bad), None, "{bad}");
        }
        let alphabet = (0..=u8::MAX).filter(|&byte| is_base32(byte));
        assert!(alphabet.eq(b"0123456789abcdfghijklmnpqrsvwxyz".iter().copied()));
    }

    #[test]
    fn finds_the_path_that_a_file_lies_in() {
        let name = |file: &str| innermost(file).map(|path| path.name().to_owned());
        let out = "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-dev";
        assert_eq!(name(out).as_deref(), Some("hello-dev"));
        assert_eq!(
            name(&format!("{out}/include/x.h")).as_deref(),
            Some("hello-dev")
        );
        let root = "/nix/store/6ajh8plhm64ypnph30js1a3lq6zsyxqr-hello.drv.chroot/root";
        assert_eq!(
            name(&format!("{root}{out}/bin")).as_deref(),
            Some("hello-dev")
        );
        assert_eq!(name("/tmp/x"), None);
        assert_eq!(name(""), None);
    }

    #[test]
    fn names_and_versions() {
        assert_eq!(name_of("/tmp/x/default.nix"), "default.nix");
        assert_eq!(pname_of("hello-2.12.1"), "hello");
        assert_eq!(pname_of("gcc-wrapper-13.2"), "gcc-wrapper");
        assert_eq!(pname_of("linux-firmware"), "linux-firmware");
        assert_eq!(pname_of("font-awesome-"), "font-awesome-");
        assert_eq!(pname_of("x-_y"), "x");
    }
}
