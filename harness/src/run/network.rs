//! One scenario's network: how its program reaches its servers, and what the harness needs to follow it there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use loginproof_mocks::server::{Front, MockServer, PROXY_PASSWORD, PROXY_USER, ProxyKind, Who};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::ground::Ground;
use crate::sandbox::environment::{Environment, certificates};
use crate::sandbox::namespace::{Inside, Namespace, NamespaceError};
use crate::scenario::model::{Certificates, Proxy, Settings};
use crate::target::model::Network as Way;
use crate::target::placeholders::Placeholders;

/// Where the vendor's authorization server is when programs reach it by its real name.
const ISSUER: &str = "https://auth.openai.com";
/// The same for its backend.
const CHATGPT: &str = "https://chatgpt.com";
/// The same for its public API.
const API: &str = "https://api.openai.com";

/// How one scenario's traffic reaches its servers.
#[derive(Debug)]
pub struct Network {
    way: Way,
    namespace: Option<Namespace>,
    ground: Option<Arc<Ground>>,
    certificates: Certificates,
    proxy: Proxy,
}

impl Network {
    /// Makes what the way needs. The second value is for the servers. `ground` is what programs are told of the run's
    /// authority, where TLS is spoken.
    ///
    /// # Errors
    /// When the machine gives no namespace.
    pub fn open(
        way: Way,
        settings: &Settings,
        ground: Option<&Arc<Ground>>,
        loginproof: &Path,
    ) -> Result<(Self, Option<Front>), NamespaceError> {
        let (namespace, front) = match way {
            Way::Direct => (None, None),
            Way::Proxy => {
                let kind = match settings.proxy {
                    Proxy::Open | Proxy::Dead => ProxyKind::Open,
                    Proxy::Password | Proxy::WrongPassword => ProxyKind::Password,
                    Proxy::Refusing => ProxyKind::Refusing,
                    Proxy::Socks => ProxyKind::Socks,
                };
                (None, Some(Front::Proxy(kind)))
            }
            Way::Namespace => {
                let (namespace, sockets) = Namespace::create(loginproof, &settings.ports_taken)?;
                (Some(namespace), Some(Front::Sockets(sockets)))
            }
        };
        let network = Self {
            way,
            namespace,
            ground: ground.cloned(),
            certificates: settings.certificates,
            proxy: settings.proxy,
        };
        Ok((network, front))
    }

    /// Whether connections to other hosts would be seen.
    #[must_use]
    pub fn watches(&self) -> bool {
        self.way != Way::Direct
    }

    /// Whose tokens the servers mint: the vendor's name, where programs know it by that.
    #[must_use]
    pub fn issuer(&self) -> Option<String> {
        (self.way != Way::Direct).then(|| ISSUER.to_owned())
    }

    /// What names the process behind a connection.
    #[must_use]
    pub fn who(&self) -> Option<Who> {
        self.namespace.as_ref().map(Namespace::who)
    }

    /// For programs that are started.
    #[must_use]
    pub fn inside(&self) -> Option<Inside> {
        let ground = self.ground.as_ref()?;
        Some(self.namespace.as_ref()?.inside(ground.etc()))
    }

    /// Where the servers are, as the program sees them.
    #[must_use]
    pub fn placeholders(&self, placeholders: Placeholders, server: &MockServer) -> Placeholders {
        let own = server.origin();
        let (origin, issuer, chatgpt) = match self.way {
            Way::Direct => (own, own, own),
            Way::Proxy | Way::Namespace => (API, ISSUER, CHATGPT),
        };
        let mut placeholders = placeholders
            .with("origin", origin)
            .with("api_base_url", format!("{origin}/v1"))
            .with("issuer", issuer)
            .with("chatgpt_base_url", format!("{chatgpt}/backend-api"))
            .with("base_url", format!("{chatgpt}/backend-api/codex"));
        if let Some((bundle, alone)) = self.certificates() {
            placeholders = placeholders
                .with("ca", alone.display().to_string())
                .with("ca_bundle", bundle.display().to_string());
        }
        if let Some(proxy) = self.proxy(server) {
            placeholders = placeholders.with("proxy", proxy);
        }
        placeholders
    }

    fn certificates(&self) -> Option<(PathBuf, PathBuf)> {
        let (bundle, alone) = self.ground.as_ref()?.certificates(self.certificates)?;
        // By its own address a program reaches the server, and nobody else.
        let bundle = if self.way == Way::Direct {
            alone.clone()
        } else {
            bundle
        };
        Some((bundle, alone))
    }

    /// The forward proxy's URL, as the program is told.
    fn proxy(&self, server: &MockServer) -> Option<String> {
        let address = server.proxy()?;
        Some(match self.proxy {
            Proxy::Open | Proxy::Refusing => format!("http://{address}"),
            Proxy::Password => {
                let password = utf8_percent_encode(PROXY_PASSWORD, NON_ALPHANUMERIC);
                format!("http://{PROXY_USER}:{password}@{address}")
            }
            Proxy::WrongPassword => format!("http://{PROXY_USER}:forgotten@{address}"),
            Proxy::Dead => "http://127.0.0.1:9".to_owned(),
            Proxy::Socks => format!("socks5h://{address}"),
        })
    }

    /// What every program is told of the way, besides where the servers are.
    pub fn furnish(&self, env: &mut Environment, server: &MockServer) {
        if self.way != Way::Direct {
            env.set("LOGINPROOF_PROVIDER_HOSTS", "real");
        }
        if let Some((bundle, alone)) = self.certificates() {
            certificates(env, &bundle, &alone);
        }
        if let Some(proxy) = self.proxy(server) {
            for name in ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"] {
                env.set(name, &proxy);
            }
            if self.proxy == Proxy::Socks {
                env.set("ALL_PROXY", &proxy);
                env.set("all_proxy", &proxy);
            }
        }
    }

    /// Variables of [`Self::furnish`] as lines to paste.
    #[must_use]
    pub fn variables(&self, server: &MockServer) -> BTreeMap<String, String> {
        let mut env = Environment::default();
        self.furnish(&mut env, server);
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        env.into_variables()
            .into_iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    /// What a browser opens for an address that a person reads off the screen: the address itself, or one of the
    /// servers' own with the host to name. None for an address that is not ours.
    #[must_use]
    pub fn browser(&self, url: &str, server: &MockServer) -> Option<(String, Option<String>)> {
        if let Some(rest) = url.strip_prefix(server.origin()) {
            let ours = rest.is_empty() || rest.starts_with(['/', '?', '#']);
            return ours.then(|| (url.to_owned(), None));
        }
        let parsed = reqwest::Url::parse(url).ok()?;
        let host = parsed.host_str()?.to_owned();
        if self.way == Way::Direct || !server.is_ours(&host) {
            return None;
        }
        let query = parsed.query().map(|query| format!("?{query}"));
        let opened = format!(
            "{}{}{}",
            server.origin(),
            parsed.path(),
            query.unwrap_or_default()
        );
        Some((opened, Some(host)))
    }
}
