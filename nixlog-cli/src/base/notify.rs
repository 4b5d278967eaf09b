//! Telling somebody a result: a chat, a push service, any web hook.

use std::time::Duration;

use serde_json::json;
use ureq::Agent;

use crate::base::http;

/// Whoever waits for the answer of a hook waits no longer than this.
const DEADLINE: Duration = Duration::from_secs(10);

/// What is told.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    /// What it is about.
    pub(crate) title: &'a str,
    /// For people.
    pub(crate) lines: &'a [String],
    /// For programs.
    pub(crate) report: &'a [u8],
    /// It is bad news.
    pub(crate) is_bad: bool,
}

/// Who is told. What comes after the host is a secret, and never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hook {
    service: Service,
    url: String,
    host: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    /// `{"text": …}`, as Slack, Mattermost and others take it.
    Slack,
    /// Text, with a title beside it.
    Ntfy,
    /// The report as JSON.
    Any,
}

impl Hook {
    /// Reads an address; `None` where it is none.
    pub(crate) fn of(address: &str) -> Option<Self> {
        let (told, url) = match address.split_once('+') {
            Some(("ntfy", url)) => (Some(Service::Ntfy), url),
            Some(("slack", url)) => (Some(Service::Slack), url),
            _ => (None, address),
        };
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        // A name and a password may come before it.
        let host = rest[..end].rsplit('@').next().unwrap_or_default();
        let name = host.split(':').next().unwrap_or_default();
        if name.is_empty() {
            return None;
        }
        let service = told.unwrap_or(match name {
            "hooks.slack.com" => Service::Slack,
            "ntfy.sh" => Service::Ntfy,
            _ => Service::Any,
        });
        Some(Self {
            service,
            url: url.to_owned(),
            host: host.to_owned(),
        })
    }

    /// Tells it; says what went wrong without the secret.
    pub(crate) fn tell(&self, message: &Message<'_>) -> Result<(), String> {
        let failed = |why: &str| format!("`{}` was not told: {why}", self.host);
        // Elsewhere nobody was meant to be told.
        let config = http::config(DEADLINE).max_redirects(0).build();
        let agent = Agent::from(config);
        let text = message.lines.join("\n");
        let post = agent.post(&self.url);
        let sent = match self.service {
            Service::Slack => {
                let text = slack(&text);
                let body = json!({ "text": text }).to_string();
                post.content_type("application/json").send(body)
            }
            Service::Ntfy => {
                let tag = if message.is_bad {
                    "x"
                } else {
                    "white_check_mark"
                };
                let priority = if message.is_bad { "high" } else { "default" };
                post.content_type("text/plain; charset=utf-8")
                    .header("Title", message.title)
                    .header("Tags", tag)
                    .header("Priority", priority)
                    .send(text)
            }
            Service::Any => post.content_type("application/json").send(message.report),
        };
        match sent {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(failed(&format!(
                "it answered with status {}",
                answer.status().as_u16()
            ))),
            // Its words may hold the address.
            Err(ureq::Error::BadUri(_) | ureq::Error::Http(_)) => {
                Err(failed("this is no address of a web hook"))
            }
            Err(error) => Err(failed(&http::words(&error))),
        }
    }
}

/// Quotes text for Slack, which has its own marks for links and mentions.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let hook = |address| Hook::of(address).map(|hook| (hook.service, hook.host));
        for (address, service, host) in [
            (
                "https://hooks.slack.com/services/T0/B0/x",
                Service::Slack,
                "hooks.slack.com",
            ),
            (
                "slack+https://chat.example.org/hooks/x",
                Service::Slack,
                "chat.example.org",
            ),
            ("https://ntfy.sh/topic", Service::Ntfy, "ntfy.sh"),
            ("ntfy+http://push:8080/topic", Service::Ntfy, "push:8080"),
            (
                "https://user:secret@example.org?token=x",
                Service::Any,
                "example.org",
            ),
            (
                "https://ntfy.sh.example.org/topic",
                Service::Any,
                "ntfy.sh.example.org",
            ),
        ] {
            assert_eq!(hook(address), Some((service, host.to_owned())), "{address}");
        }
        for bad in [
            "",
            "example.org",
            "ftp://example.org",
            "https://",
            "https:///x",
            "mail+https://x.org",
        ] {
            assert_eq!(hook(bad), None, "{bad}");
        }
    }

    #[test]
    fn marks_of_slack_are_text() {
        assert_eq!(slack("<!channel> & co"), "&lt;!channel&gt; &amp; co");
    }
}
