//! Binary caches: what is asked of them, over HTTP or in a folder. Nothing is ever sent but questions.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nixlog_core::report::format::harmless;
use ureq::config::IpFamily;
use ureq::{Agent, ResponseExt as _};

use crate::base::http;

/// Answers that are read whole are no longer than this; a `.narinfo` has a few hundred bytes, or some thousands.
const LONGEST: u64 = 1 << 20;

/// Where a cache is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// At an address, without a slash at its end.
    Http(String),
    /// In a folder.
    Folder(PathBuf),
    /// Elsewhere, with the reason why it cannot be asked.
    Unsupported(String),
}

impl Place {
    /// Finds out where a cache is by its address, as in `substituters`. Parameters are for Nix.
    pub(crate) fn of(uri: &str) -> Self {
        let bare = uri.split('?').next().unwrap_or_default();
        let bare = bare.trim_end_matches('/');
        match bare.split_once("://") {
            Some(("http" | "https", rest)) if !rest.is_empty() => Self::Http(bare.to_owned()),
            Some(("file", path)) => Self::Folder(PathBuf::from(path)),
            Some((scheme, _)) => {
                let scheme = harmless(scheme);
                Self::Unsupported(format!("`{scheme}://` cannot be asked by nixlog"))
            }
            None if bare.starts_with('/') => Self::Folder(PathBuf::from(bare)),
            None => Self::Unsupported("not an address of a binary cache".to_owned()),
        }
    }
}

/// What came back for one file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    /// The HTTP status; `None` of files.
    pub(crate) status: Option<u16>,
    /// The file is there.
    pub(crate) found: bool,
    pub(crate) body: Vec<u8>,
    /// Bytes that came, whether kept or not.
    pub(crate) bytes: u64,
    pub(crate) first_byte: Duration,
    pub(crate) took: Duration,
    pub(crate) headers: Vec<(String, String)>,
    /// Where it came from in the end, where that is another address.
    pub(crate) redirected_to: Option<String>,
}

impl Reply {
    /// Tells whether this is how a cache says that it has nothing. S3 says 403.
    pub(crate) fn is_no(&self) -> bool {
        match self.status {
            None => !self.found,
            Some(status) => matches!(status, 403 | 404 | 410),
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// A small file, whole.
    Whole,
    /// So many bytes from its beginning, not kept.
    First(u64),
}

/// Asks caches, over connections that stay open.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: Agent,
}

impl Client {
    /// Makes a client: each request may take so long, and so many connections are kept.
    pub(crate) fn new(deadline: Duration, connections: usize, family: IpFamily) -> Self {
        let config = http::config(deadline)
            .max_redirects(5)
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .ip_family(family)
            .build();
        Self {
            agent: config.into(),
        }
    }

    /// Asks a cache for a file.
    pub(crate) fn get(&self, place: &Place, file: &str, part: Part) -> Result<Reply, String> {
        match place {
            // An archive may lie elsewhere.
            Place::Http(_) if file.contains("://") => self.http(file, part),
            Place::Http(base) => self.http(&format!("{base}/{file}"), part),
            Place::Folder(folder) => read(folder, file, part).map_err(|error| error.to_string()),
            Place::Unsupported(why) => Err(why.clone()),
        }
    }

    fn http(&self, uri: &str, part: Part) -> Result<Reply, String> {
        let since = Instant::now();
        let mut request = self.agent.get(uri);
        if let Part::First(bytes) = part {
            request = request.header("Range", format!("bytes=0-{}", bytes.saturating_sub(1)));
        }
        let mut response = request.call().map_err(|error| http::words(&error))?;
        let mut reply = Reply {
            status: Some(response.status().as_u16()),
            found: response.status().is_success(),
            first_byte: since.elapsed(),
            ..Reply::default()
        };
        let headers = response.headers().iter();
        let headers = headers.filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        reply.headers = headers.collect();
        let from = response.get_uri().to_string();
        reply.redirected_to = Some(from).filter(|from| from != uri);
        let body = response.body_mut().as_reader();
        take(body, part, &mut reply).map_err(|error| error.to_string())?;
        reply.took = since.elapsed();
        Ok(reply)
    }
}

/// Reads an answer, or as much of it as was asked for.
fn take(mut body: impl Read, part: Part, reply: &mut Reply) -> io::Result<()> {
    match part {
        Part::Whole => {
            body.take(LONGEST + 1).read_to_end(&mut reply.body)?;
            reply.bytes = reply.body.len() as u64;
            if reply.bytes > LONGEST {
                return Err(io::Error::other("the answer is far too long"));
            }
        }
        Part::First(bytes) => {
            // Who ignores the range sends more: that is left on the wire.
            let mut left = (&mut body).take(bytes);
            reply.bytes = io::copy(&mut left, &mut io::sink())?;
        }
    }
    Ok(())
}

fn read(folder: &Path, file: &str, part: Part) -> io::Result<Reply> {
    let since = Instant::now();
    let mut reply = Reply::default();
    // What a `.narinfo` says is not to be trusted.
    if file.split('/').any(|piece| piece == "..") || file.starts_with('/') {
        return Err(io::Error::other("it names a file outside of the cache"));
    }
    match File::open(folder.join(file)) {
        Ok(opened) => {
            reply.first_byte = since.elapsed();
            reply.found = true;
            take(opened, part, &mut reply)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder.is_dir() => {}
        Err(error) => return Err(error),
    }
    reply.took = since.elapsed();
    Ok(reply)
}

/// What a cache says of itself or of a path: `Key: value` lines.
pub(crate) fn field<'a>(body: &'a [u8], key: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(body).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name == key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_addresses() {
        let http = |uri: &str| Place::Http(uri.to_owned());
        let cases = [
            ("https://cache.nixos.org/", http("https://cache.nixos.org")),
            ("http://c/x?priority=3", http("http://c/x")),
            ("file:///a/b", Place::Folder("/a/b".into())),
            ("/a/b/", Place::Folder("/a/b".into())),
        ];
        for (uri, want) in cases {
            assert_eq!(Place::of(uri), want, "{uri}");
        }
        for uri in ["s3://bucket", "daemon", "", "https://"] {
            assert!(matches!(Place::of(uri), Place::Unsupported(_)), "{uri}");
        }
    }

    #[test]
    fn fields_of_a_narinfo() {
        let info = b"StorePath: /nix/store/x\nURL: nar/x\nNarSize: 12\n";
        assert_eq!(field(info, "URL"), Some("nar/x"));
        assert_eq!(field(info, "Size"), None);
        assert_eq!(field(b"\xff", "URL"), None);
    }

    #[test]
    fn no_file_outside_of_a_folder() {
        for file in ["../x", "a/../../x", "/etc/passwd"] {
            assert!(
                read(Path::new("/tmp"), file, Part::Whole).is_err(),
                "{file}"
            );
        }
    }
}
