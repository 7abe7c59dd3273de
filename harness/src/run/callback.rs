//! The browser at a program's own listener on loopback, where a sign-in page has sent it (RFC 8252 §7.3).

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use reqwest::{Client, Url, redirect};
use tokio::process::Command;

use crate::sandbox::namespace::Inside;

/// A program leads its browser on for no longer than this: to a page that says it worked, say.
const HOPS: usize = 4;

/// Exit status of `loginproof visit` when nobody listens.
pub const NOBODY: u8 = 1;

/// Opens an address on loopback, and goes where the answer leads on loopback. Any answer will do, and so does none once
/// somebody has listened.
///
/// # Errors
/// In words: nobody listens there.
pub async fn visit(browser: &Client, url: &str, bound: Duration) -> Result<(), String> {
    let mut url = Url::parse(url).map_err(|error| format!("the address is none: {error}"))?;
    for hop in 0..HOPS {
        let answer = match browser.get(url.clone()).timeout(bound).send().await {
            Ok(answer) => answer,
            Err(error) if hop == 0 && error.is_connect() => {
                return Err(nobody(url.as_str()));
            }
            Err(_) => return Ok(()),
        };
        let location = answer.headers().get("location");
        let next = location
            .and_then(|location| location.to_str().ok())
            .filter(|_| answer.status().is_redirection())
            .and_then(|location| url.join(location).ok());
        match next.filter(is_loopback) {
            Some(next) => url = next,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// The same from within a namespace, where the program listens: by a process of its own.
///
/// # Errors
/// In words: nobody listens there, or the process could not be started.
pub async fn visit_inside(
    inside: &Inside,
    loginproof: &Path,
    url: &str,
    bound: Duration,
) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("the browser could not be started: {error}");
    let folder = tempfile::tempdir().map_err(failed)?;
    let mut browser = Command::new(loginproof)
        .arg("enter")
        .arg("--report")
        .arg(folder.path().join("report.json"))
        .args(inside.arguments())
        .arg("--")
        .arg(loginproof)
        .args(["visit", url])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    match tokio::time::timeout(bound, browser.wait()).await {
        Ok(Ok(status)) if status.code() == Some(NOBODY.into()) => Err(nobody(url)),
        Ok(ended) => ended.map(drop).map_err(failed),
        // The listener took the call and kept it.
        Err(_) => Ok(()),
    }
}

/// A browser for loopback, where it looks at each place before it goes there.
///
/// # Panics
/// Never: it needs nothing from the system.
#[must_use]
pub fn browser() -> Client {
    // Plain HTTP, but the library wants to know its cryptography all the same. Somebody else in this process may have
    // said so already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One connection per request: nothing is shared between scenarios that run side by side.
    Client::builder()
        .pool_max_idle_per_host(0)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tls_certs_only([])
        .build()
        .expect("a browser without certificates needs nothing from the system")
}

/// Whether an address means the machine itself.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// Without the query, which may hold a code.
fn nobody(url: &str) -> String {
    let place = url.split('?').next().unwrap_or_default();
    format!("nobody listens for the browser at {place}")
}
