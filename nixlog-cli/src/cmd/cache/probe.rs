//! `nixlog cache probe`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nixlog_core::analysis::address::is_local;
use nixlog_core::report::envelope::Report;
use nixlog_core::report::verbs::cache_probe::{
    CacheProbeResult, HeaderView, ProbedCacheView, RangeView, RequestView,
};
use nixlog_core::store_path::{StorePath, innermost};
use ureq::config::IpFamily;

use super::{configured, seconds};
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::nix::binary_cache::{Client, Part, Place, Reply, field};
use crate::nix::store::Store;

/// How much of an archive is asked for.
const RANGES: [u64; 2] = [1 << 20, 8 << 20];

/// A hash that no path has: it would be that of an output which nobody can choose.
const NOBODY: &str = "00000000000000000000000000000000";

/// How many paths of this machine are tried until a cache has one.
const MOST_TRIED: usize = 8;

/// What answers say of servers and proxies.
const TELLING: [&str; 9] = [
    "age",
    "cf-cache-status",
    "server",
    "via",
    "x-cache",
    "x-cache-status",
    "x-served-by",
    "x-proxy-cache",
    "x-powered-by",
];

/// Measure how fast caches answer and send now
///
/// Asks each cache what it is, for a path that it cannot have, for one of this machine, and for the first 1
/// and 8 MiB of that one's archive; over IPv4 and IPv6. Nothing else is sent.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Caches to ask; by default those that Nix is set to use
    #[arg(value_name = "URL")]
    urls: Vec<String>,

    /// A store path that the caches have; by default some of this machine are tried
    #[arg(long, value_name = "PATH")]
    path: Option<String>,

    /// How long any request may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    timeout: Duration,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let urls = match args.urls.is_empty() {
        true => configured()?,
        false => args.urls.clone(),
    };
    let paths = match &args.path {
        Some(path) => {
            let parsed = innermost(path).ok_or_else(|| {
                CliError::new(format!("`{path}` is no store path"))
                    .hint("name one like /nix/store/…-hello-2.12")
            })?;
            vec![parsed.base_name().to_owned()]
        }
        None => of_this_machine(),
    };
    let mut result = CacheProbeResult::default();
    result.deadline_ns = nanos(args.timeout);
    result.caches = urls
        .iter()
        .map(|uri| probe(uri, &paths, args.timeout))
        .collect();
    let report = Report::without_log(&[], result);
    output::write(&args.output, Stream::Output, &report, &())
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Asks one cache, one thing after the other.
fn probe(uri: &str, paths: &[String], deadline: Duration) -> ProbedCacheView {
    let place = Place::of(uri);
    let mut view = ProbedCacheView::default();
    uri.clone_into(&mut view.uri);
    view.local = is_local(uri);
    if let Place::Unsupported(why) = &place {
        view.unsupported = Some(why.clone());
        return view;
    }
    let client = Client::new(deadline, 1, IpFamily::Any);
    let info = |client: &Client| client.get(&place, "nix-cache-info", Part::Whole);
    let first = info(&client);
    if let Ok(reply) = first.as_ref().filter_found() {
        view.store_dir = field(&reply.body, "StoreDir").map(str::to_owned);
        view.priority = field(&reply.body, "Priority").and_then(|it| it.parse().ok());
        let telling = reply
            .headers
            .iter()
            .filter(|(name, _)| TELLING.contains(&&**name));
        view.headers = telling
            .map(|(name, value)| {
                let mut header = HeaderView::default();
                header.name.clone_from(name);
                header.value.clone_from(value);
                header
            })
            .collect();
    }
    let is_up = first.is_ok();
    view.info = Some(request(&first, |reply| match reply.found {
        true if field(&reply.body, "StoreDir").is_some() => None,
        true => Some("not what a binary cache says of itself".to_owned()),
        false => Some(refusal(reply)),
    }));
    if is_up {
        view.info_again = Some(request(&info(&client), |_| None));
        let absent = client.get(&place, &format!("{NOBODY}.narinfo"), Part::Whole);
        view.absent = Some(request(&absent, |reply| {
            match (reply.is_no(), reply.found) {
                (true, _) => None,
                (false, true) => Some("it says that it has a path that cannot be".to_owned()),
                (false, false) => Some(refusal(reply)),
            }
        }));
        present(&client, &place, paths, &mut view);
    }
    if matches!(place, Place::Http(_)) {
        let over = |family| {
            let client = Client::new(deadline, 1, family);
            Some(request(&info(&client), |reply| {
                (!reply.found).then(|| refusal(reply))
            }))
        };
        view.ipv4 = over(IpFamily::Ipv4Only);
        view.ipv6 = over(IpFamily::Ipv6Only);
    }
    view
}

/// Looks for a path that the cache has, and reads the beginning of its archive.
fn present(client: &Client, place: &Place, paths: &[String], view: &mut ProbedCacheView) {
    for path in paths {
        let Some(parsed) = StorePath::parse(path) else {
            continue;
        };
        let reply = client.get(place, &format!("{}.narinfo", parsed.hash()), Part::Whole);
        let Ok(found) = reply.as_ref().filter_found() else {
            continue;
        };
        let is_it = field(&found.body, "StorePath").is_some_and(|it| it.ends_with(&**path));
        let file = field(&found.body, "URL").map(str::to_owned);
        view.present = Some(request(&reply, |_| {
            (!is_it || file.is_none()).then(|| "no answer about the path asked for".to_owned())
        }));
        view.present_path = Some(path.clone());
        if let Some(file) = file.filter(|_| is_it) {
            view.ranges = RANGES
                .iter()
                .map(|&n| range(client, place, &file, n))
                .collect();
        }
        return;
    }
}

fn range(client: &Client, place: &Place, file: &str, bytes: u64) -> RangeView {
    let reply = client.get(place, file, Part::First(bytes));
    let mut view = RangeView::default();
    view.asked_bytes = bytes;
    view.request = request(&reply, |reply| (!reply.found).then(|| refusal(reply)));
    if let Ok(reply) = reply.as_ref().filter_found() {
        let sending = reply.took.saturating_sub(reply.first_byte).as_nanos();
        let per_second = (u128::from(reply.bytes) * 1_000_000_000).checked_div(sending);
        view.bandwidth_bps = per_second.and_then(|it| u64::try_from(it).ok());
    }
    view
}

/// Replies that have the file.
trait Found<'a> {
    fn filter_found(self) -> Result<&'a Reply, ()>;
}

impl<'a> Found<'a> for Result<&'a Reply, &'a String> {
    fn filter_found(self) -> Result<&'a Reply, ()> {
        self.ok().filter(|reply| reply.found).ok_or(())
    }
}

fn refusal(reply: &Reply) -> String {
    match reply.status {
        Some(status) => format!("HTTP status {status}"),
        None => "no such file".to_owned(),
    }
}

/// Makes the view of a request; `wrong` says what is wrong with its reply.
fn request(
    reply: &Result<Reply, String>,
    wrong: impl FnOnce(&Reply) -> Option<String>,
) -> RequestView {
    let mut view = RequestView::default();
    match reply {
        Ok(reply) => {
            view.status = reply.status;
            view.first_byte_ns = Some(nanos(reply.first_byte));
            view.took_ns = Some(nanos(reply.took));
            view.bytes = Some(reply.bytes);
            view.redirected_to.clone_from(&reply.redirected_to);
            view.error = wrong(reply);
        }
        Err(error) => view.error = Some(error.clone()),
    }
    view
}

/// Returns store paths of this machine that a public cache may have: the system, Nix itself, some others.
fn of_this_machine() -> Vec<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let nix = std::env::split_paths(&path).map(|folder| folder.join("nix"));
    let known = ["/run/current-system/sw", "/run/current-system"].map(PathBuf::from);
    let known = nix.chain(known).filter_map(|path| path.canonicalize().ok());
    let in_store = |path: &Path| {
        let path = innermost(path.as_os_str().to_str()?)?;
        Some(path.base_name().to_owned())
    };
    let mut paths: Vec<String> = known.filter_map(|path| in_store(&path)).collect();
    let entries = fs::read_dir(Store::find(None).files())
        .into_iter()
        .flatten();
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let outputs = names.filter(|name| StorePath::parse(name).is_some() && !name.ends_with(".drv"));
    paths.extend(outputs.take(MOST_TRIED));
    paths.dedup();
    paths.truncate(MOST_TRIED);
    paths
}
