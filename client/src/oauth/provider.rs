//! Providers of the device authorization grant (RFC 8628), and how each departs from it.

use super::metadata::WellKnown;

/// A provider as its own clients know it.
#[derive(Debug)]
pub struct Provider {
    /// The name on the command line and in the credential file.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The client id under which its command-line client is registered.
    pub client_id: &'static str,
    /// What is asked for; nothing when empty.
    pub scope: &'static str,
    /// Its host; `None` for a server that stands nowhere on the internet.
    host: Option<&'static str>,
    /// Where the device code is requested, unless the metadata name another place.
    device: &'static str,
    /// Where tokens are bought, unless the metadata name another place.
    token: &'static str,
    /// The issuer's path and the form of its metadata, for a provider whose endpoints are discovered.
    discovery: Option<(&'static str, WellKnown)>,
    /// Whether the device request carries a challenge and each poll the verifier (not in RFC 8628).
    pub pkce: bool,
    /// Whether the `interval` beside a slow_down is the new interval as it stands.
    pub states_interval: bool,
    /// A call that turns the new token into the one the service takes: its host and path.
    companion: Option<(&'static str, &'static str)>,
    /// Members of the token answer that the service needs later.
    pub kept: &'static [&'static str],
}

/// Every provider.
pub static PROVIDERS: [Provider; 5] = [
    Provider {
        client_id: "hermes-cli",
        scope: "inference:invoke",
        host: Some("https://portal.nousresearch.com"),
        kept: &["inference_base_url"],
        ..Provider::new(
            "nous",
            "Nous Portal",
            "/api/oauth/device/code",
            "/api/oauth/token",
        )
    },
    Provider {
        client_id: "b1a00492-073a-47ea-816f-4c329264a828",
        scope: "openid profile email offline_access grok-cli:access api:access",
        host: Some("https://auth.x.ai"),
        discovery: Some(("", WellKnown::OpenId)),
        ..Provider::new("xai", "xAI", "/oauth2/device/code", "/oauth2/token")
    },
    Provider {
        client_id: "f0304373b74a44d2b584a3fb70ca9e56",
        scope: "openid profile email model.completion",
        host: Some("https://chat.qwen.ai"),
        pkce: true,
        kept: &["resource_url"],
        ..Provider::new(
            "qwen",
            "Qwen",
            "/api/v1/oauth2/device/code",
            "/api/v1/oauth2/token",
        )
    },
    Provider {
        client_id: "Iv1.b507a08c87ecfe98",
        scope: "read:user",
        host: Some("https://github.com"),
        states_interval: true,
        companion: Some(("https://api.github.com", "/copilot_internal/v2/token")),
        ..Provider::new(
            "github",
            "GitHub Copilot",
            "/login/device/code",
            "/login/oauth/access_token",
        )
    },
    // A server that follows the RFCs to the letter; it exists in tests only.
    Provider {
        client_id: "loginproof",
        discovery: Some(("/strict", WellKnown::OAuth)),
        ..Provider::new(
            "strict",
            "the strict server",
            "/strict/device_authorization",
            "/strict/token",
        )
    },
];

impl Provider {
    const fn new(
        name: &'static str,
        title: &'static str,
        device: &'static str,
        token: &'static str,
    ) -> Self {
        Self {
            name,
            title,
            client_id: "",
            scope: "",
            host: None,
            device,
            token,
            discovery: None,
            pkce: false,
            states_interval: false,
            companion: None,
            kept: &[],
        }
    }

    /// The provider of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }

    /// Where its endpoints are.
    ///
    /// ```
    /// use loginproof_client::oauth::provider::{Hosts, Provider};
    /// let nous = Provider::named("nous").unwrap();
    /// let there = nous.endpoints(&Hosts::Own { other: String::new() });
    /// assert_eq!(there.token, "https://portal.nousresearch.com/api/oauth/token");
    /// let here = nous.endpoints(&Hosts::At("http://127.0.0.1:8000".into()));
    /// assert_eq!(here.token, "http://127.0.0.1:8000/api/oauth/token");
    /// ```
    pub fn endpoints(&self, hosts: &Hosts) -> Endpoints {
        let at = |host: Option<&str>| match (hosts, host) {
            (Hosts::Own { .. }, Some(host)) => host.to_owned(),
            (Hosts::Own { other: origin } | Hosts::At(origin), _) => {
                origin.trim_end_matches('/').to_owned()
            }
        };
        let base = at(self.host);
        Endpoints {
            device: format!("{base}{}", self.device),
            token: format!("{base}{}", self.token),
            discovery: self
                .discovery
                .map(|(path, kind)| (format!("{base}{path}"), kind)),
            companion: self
                .companion
                .map(|(host, path)| format!("{}{path}", at(Some(host)))),
            base,
        }
    }
}

/// Which hosts are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Each provider's own, on the internet; `other` for a provider that has none.
    Own {
        /// An origin such as `https://auth.example`.
        other: String,
    },
    /// One origin that serves the paths of all.
    At(String),
}

/// A provider's endpoints, as URLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Scheme and host of the authorization server.
    pub base: String,
    /// The device authorization endpoint.
    pub device: String,
    /// The token endpoint.
    pub token: String,
    /// The issuer whose metadata name the two above, and the form of the metadata.
    pub discovery: Option<(String, WellKnown)>,
    /// The call after the grant.
    pub companion: Option<String>,
}
