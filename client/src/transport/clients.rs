//! One HTTP client per kind of destination, made when first needed: reading the system's certificates takes
//! milliseconds that a plain loopback connection does not need.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Clients {
    plain: OnceLock<Client>,
    plain_loopback: OnceLock<Client>,
    tls: OnceLock<Client>,
    tls_loopback: OnceLock<Client>,
    upgrade: OnceLock<Client>,
    upgrade_loopback: OnceLock<Client>,
}

impl Clients {
    /// The client for a URL. Loopback addresses are never reached through a proxy.
    pub(super) fn for_url(&self, url: &Url) -> Result<&Client, Failure> {
        self.client(url, false)
    }

    /// The client for requests that ask for another protocol, which HTTP/2 has no room for.
    pub(super) fn for_upgrade(&self, url: &Url) -> Result<&Client, Failure> {
        self.client(url, true)
    }

    fn client(&self, url: &Url, upgrade: bool) -> Result<&Client, Failure> {
        let (tls, loopback) = (url.scheme() == "https", is_loopback(url));
        let cell = match (tls, loopback) {
            (false, false) => &self.plain,
            (false, true) => &self.plain_loopback,
            (true, false) if upgrade => &self.upgrade,
            (true, true) if upgrade => &self.upgrade_loopback,
            (true, false) => &self.tls,
            (true, true) => &self.tls_loopback,
        };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        if defect::active(Defect::SocksUnknown) && !loopback && names_socks() {
            return Err(Failure::local(Class::Transport, "error sending request"));
        }
        let builder = if tls {
            with_roots(base(loopback))?
        } else {
            base(loopback).tls_backend_preconfigured(no_roots()?)
        };
        let builder = if tls && upgrade {
            builder.http1_only()
        } else {
            builder
        };
        let client = builder
            .build()
            .map_err(|e| config(format!("cannot set up HTTP: {e}")))?;
        Ok(cell.get_or_init(|| client))
    }
}

/// A client that has not heard of the authority that the environment names.
pub(super) fn of_other_roots() -> Result<Client, Failure> {
    let builder = base(false).tls_backend_preconfigured(no_roots()?);
    let client = builder.build();
    client.map_err(|e| config(format!("cannot set up HTTP: {e}")))
}

fn base(loopback: bool) -> ClientBuilder {
    let builder = Client::builder()
        .user_agent(concat!("loginproof/", env!("CARGO_PKG_VERSION")))
        // A redirected token request would carry its secret to another place.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT)
        // Answers are far apart, and a connection that died in between would look like a fault of the server.
        .pool_max_idle_per_host(0);
    if loopback && !defect::active(Defect::LoopbackThroughProxy) {
        return builder.no_proxy();
    }
    match other_proxy() {
        Some(proxy) => builder.no_proxy().proxy(proxy),
        None => builder,
    }
}

/// A proxy that is not taken as the environment says.
fn other_proxy() -> Option<reqwest::Proxy> {
    let without_password = defect::active(Defect::ProxyPasswordDropped);
    if !without_password && !defect::active(Defect::ExemptionsIgnored) {
        return None;
    }
    let mut url = Url::parse(&std::env::var("HTTPS_PROXY").ok()?).ok()?;
    if without_password {
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
    }
    reqwest::Proxy::all(url).ok()
}

fn names_socks() -> bool {
    std::env::var("ALL_PROXY").is_ok_and(|url| url.starts_with("socks"))
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let address = host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .parse::<std::net::IpAddr>();
            address.is_ok_and(|ip| ip.is_loopback())
        }
        None => false,
    }
}

/// TLS settings for clients that never speak TLS.
fn no_roots() -> Result<rustls::ClientConfig, Failure> {
    tls(rustls::RootCertStore::empty())
}

fn with_roots(builder: ClientBuilder) -> Result<ClientBuilder, Failure> {
    let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|p| !p.is_empty()) else {
        // The system's certificates, by the library. It asks for the process's provider; a second try to set it is no error.
        let _ = rustls::crypto::ring::default_provider().install_default();
        return Ok(builder);
    };
    let shown = std::path::Path::new(&path).display();
    let unusable = |why: String| {
        if defect::active(Defect::CertificateUnnamed) {
            return config("error sending request".to_owned());
        }
        config(format!(
            "SSL_CERT_FILE={shown} cannot be used as certificates: {why}"
        ))
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&path).map_err(|e| unusable(e.to_string()))? {
        let certificate = certificate.map_err(|e| unusable(e.to_string()))?;
        roots
            .add(certificate)
            .map_err(|e| unusable(e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("there is no certificate in it".to_owned()));
    }
    Ok(builder.tls_backend_preconfigured(tls(roots)?))
}

fn tls(roots: rustls::RootCertStore) -> Result<rustls::ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| config(format!("cannot set up TLS: {e}")))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    // The vendors' hosts speak both; which one is used is the server's choice.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn config(message: String) -> Failure {
    Failure::local(Class::Setup, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known_in_all_its_forms() {
        for (url, expected) in [
            ("http://127.0.0.1:80/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:8080/", true),
            ("https://localhost/", true),
            ("https://localhost.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
