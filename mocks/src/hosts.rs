//! Whose a host is: names that this run answers for, names that a program may call beside, and all others.

use std::net::IpAddr;

/// Request extension for handlers: scheme and authority as the client sees them, without a slash at the end. Every
/// URL that is handed out begins with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(pub String);

/// Whose something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// This run answers for it.
    Ours,
    /// Answered 404, judged by nobody.
    Ambient,
    /// The machine itself: never an attempt to get out.
    Loopback,
    /// Anything else.
    Elsewhere,
}

/// The names of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    ours: Vec<Pattern>,
    ambient: Vec<(Pattern, String)>,
    /// Path prefixes on our hosts that are ambient.
    paths: Vec<String>,
}

/// `chatgpt.com`, or `*.x.ai` for every name below it.
#[derive(Clone, Debug)]
struct Pattern(String);

impl Hosts {
    /// `ambient` holds `/path/prefix`, `host`, `*.host` and `host/prefix`.
    pub(crate) fn new(ours: &[String], ambient: &[String]) -> Self {
        let (paths, names): (Vec<&String>, Vec<&String>) =
            ambient.iter().partition(|entry| entry.starts_with('/'));
        let ambient = names.into_iter().map(|entry| {
            let at = entry.find('/').unwrap_or(entry.len());
            let (host, prefix) = entry.split_at(at);
            (Pattern::new(host), prefix.to_owned())
        });
        Self {
            ours: ours.iter().map(|name| Pattern::new(name)).collect(),
            ambient: ambient.collect(),
            paths: paths.into_iter().cloned().collect(),
        }
    }

    /// Path prefixes on our hosts that are ambient.
    pub(crate) fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Whether we answer for a host.
    pub(crate) fn is_ours(&self, host: &str) -> bool {
        self.ours.iter().any(|pattern| pattern.holds(host))
    }

    /// Whose a host is, whatever is asked of it.
    pub(crate) fn place(&self, host: &str) -> Place {
        if self.is_ours(host) {
            Place::Ours
        } else if is_loopback(host) {
            Place::Loopback
        } else if self.ambient.iter().any(|(pattern, _)| pattern.holds(host)) {
            Place::Ambient
        } else {
            Place::Elsewhere
        }
    }

    /// Whether a path of a host is ambient by an entry that names the host.
    pub(crate) fn is_ambient(&self, host: &str, path: &str) -> bool {
        self.ambient
            .iter()
            .any(|(pattern, prefix)| pattern.holds(host) && path.starts_with(prefix.as_str()))
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        Self(canonical(text))
    }

    /// Takes names in canonical spelling.
    fn holds(&self, host: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some(end) => host.len() > end.len() && host.ends_with(end),
            None => self.0 == host,
        }
    }
}

/// A name in the spelling that names are compared in: lower case, without the root's dot.
pub(crate) fn canonical(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The host of an authority in canonical spelling, and its port.
pub(crate) fn split_authority(authority: &str) -> (String, Option<u16>) {
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let (host, port) = match authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((address, rest)) => (address, rest.strip_prefix(':')),
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    (canonical(host), port.and_then(|port| port.parse().ok()))
}

/// Whether a name or an address means the machine itself.
pub(crate) fn is_loopback(host: &str) -> bool {
    if host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    host.parse().is_ok_and(is_loopback_address)
}

/// Whether an address means the machine itself; 0.0.0.0 and :: are dialled for it, too.
pub(crate) fn is_loopback_address(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        let list = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        Hosts::new(
            &list(&["chatgpt.com", "*.X.ai"]),
            &list(&[
                "/otel",
                "models.dev",
                "*.npmjs.org",
                "github.com/releases",
                "chatgpt.com/beta",
            ]),
        )
    }

    #[test]
    fn every_host_has_its_place() {
        for (host, place) in [
            ("chatgpt.com", Place::Ours),
            ("auth.x.ai", Place::Ours),
            ("x.ai", Place::Elsewhere),
            ("evilx.ai", Place::Elsewhere),
            ("chatgpt.com.evil.example", Place::Elsewhere),
            ("models.dev", Place::Ambient),
            ("registry.npmjs.org", Place::Ambient),
            ("github.com", Place::Ambient),
            ("localhost", Place::Loopback),
            ("a.localhost", Place::Loopback),
            ("127.8.0.1", Place::Loopback),
            ("::1", Place::Loopback),
            ("::ffff:127.0.0.1", Place::Loopback),
            ("198.18.0.1", Place::Elsewhere),
        ] {
            assert_eq!(hosts().place(host), place, "{host}");
        }
    }

    #[test]
    fn a_prefix_is_ambient_on_its_host_alone() {
        let hosts = hosts();
        assert!(hosts.is_ambient("github.com", "/releases/latest"));
        assert!(!hosts.is_ambient("github.com", "/login"));
        assert!(hosts.is_ambient("chatgpt.com", "/beta/x"));
        assert!(!hosts.is_ambient("api.x.ai", "/beta/x"));
        assert!(hosts.is_ambient("models.dev", "/api.json"));
        assert_eq!(hosts.paths(), ["/otel"]);
    }

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        for (authority, host, port) in [
            ("ChatGPT.com", "chatgpt.com", None),
            ("chatgpt.com.:443", "chatgpt.com", Some(443)),
            ("[::1]:80", "::1", Some(80)),
            ("[::1]", "::1", None),
            ("u:p@a.example:8080", "a.example", Some(8080)),
            ("a:b", "a", None),
        ] {
            assert_eq!(split_authority(authority), (host.to_owned(), port));
        }
    }
}
