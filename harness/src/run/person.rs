//! The person who signs in: reads URL and code off the screen, opens the page and decides. A code that cannot be
//! read off the screen cannot be approved.

use std::sync::LazyLock;
use std::time::Duration;

use loginproof_mocks::script::Endpoint;
use regex::Regex;
use tokio::time::Instant;

use super::world::World;
use crate::scenario::model::{Login, Person};
use crate::target::model::PersonHints;
use crate::terminal::{Program, View, WaitError};

static URL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"https?://[^\s"'<>`\x1b]+"#).expect("compiled by the tests"));
static CODE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b[A-Z0-9]{4}-[A-Z0-9]{4,5}\b").expect("compiled by the tests"));
static ACTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"<form[^>]*\baction="([^"]*)""#).expect("compiled by the tests"));

/// What the person found on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prompt {
    url: String,
    code: String,
}

/// Plays the person of a `login` step. Returns what went differently, in words.
pub(super) async fn sign_in(
    world: &World,
    program: &Program,
    login: &Login,
    deadline: Instant,
) -> Result<(), String> {
    if login.person == Person::Absent {
        return Ok(());
    }
    let hints = &world.target.file.person;
    let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
    let prompt = match program
        .wait_for(left(deadline), |view| {
            read(view, hints, world.server.origin())
        })
        .await
    {
        Ok(prompt) => prompt,
        Err(WaitError::Ended { .. }) => {
            return Err(
                "the program ended before URL and code could be read off the screen".to_owned(),
            );
        }
        Err(WaitError::Bound { .. }) => {
            return Err("URL and code could not be read off the screen in time".to_owned());
        }
    };
    if login.person == Person::Away {
        return Ok(());
    }
    let mut changed = world.server.journal().changed();
    while world.server.journal().answered(Endpoint::Poll) < login.after_polls {
        let more = tokio::time::timeout(left(deadline), changed.changed()).await;
        if !matches!(more, Ok(Ok(()))) {
            return Err(format!(
                "fewer than {} polls came in time",
                login.after_polls
            ));
        }
    }
    let decision = if login.person == Person::Deny {
        "deny"
    } else {
        "approve"
    };
    decide(&prompt, decision, left(deadline)).await
}

/// Finds URL and code: an OSC 8 link first, then text. The URL must lead to the mock.
pub(super) fn read(view: &View, hints: &PersonHints, origin: &str) -> Option<Prompt> {
    let texts: [&str; 2] = [&view.screen, &view.transcript];
    let ours = |url: &str| url.starts_with(origin);
    let hinted = hints
        .url
        .as_deref()
        .and_then(|pattern| Regex::new(pattern).ok());
    let url = view
        .links
        .iter()
        .map(|link| link.url.clone())
        .chain(
            texts
                .iter()
                .flat_map(|text| found(hinted.as_ref().unwrap_or(&URL), text)),
        )
        .find(|url| ours(url))?;
    let pattern = hints
        .code
        .as_deref()
        .and_then(|pattern| Regex::new(pattern).ok());
    let code = texts.iter().find_map(|text| {
        let without_urls = URL.replace_all(text, " ");
        found(pattern.as_ref().unwrap_or(&CODE), &without_urls)
            .into_iter()
            .next()
    })?;
    Some(Prompt {
        url: url.trim_end_matches(['.', ',', ')']).to_owned(),
        code,
    })
}

/// All matches, newest last: the first group, or the whole match.
fn found(pattern: &Regex, text: &str) -> Vec<String> {
    pattern
        .captures_iter(text)
        .filter_map(|captures| captures.get(1).or_else(|| captures.get(0)))
        .map(|found| found.as_str().to_owned())
        .collect()
}

/// The person's browser.
static BROWSER: LazyLock<reqwest::Client> = LazyLock::new(|| {
    // The page is plain HTTP on loopback, but the library wants to know its cryptography all the same. Somebody
    // else in this process may have said so already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One connection per request: nothing is shared between scenarios that run side by side.
    let browser = reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .no_proxy()
        .tls_certs_only([]);
    browser
        .build()
        .expect("a browser without certificates needs nothing from the system")
});

async fn decide(prompt: &Prompt, decision: &str, bound: Duration) -> Result<(), String> {
    let failed = |error: reqwest::Error| format!("the page could not be opened: {error}");
    let page = BROWSER
        .get(&prompt.url)
        .timeout(bound)
        .send()
        .await
        .map_err(failed)?;
    let base = page.url().clone();
    let status = page.status();
    let html = page.text().await.map_err(failed)?;
    if !status.is_success() {
        return Err(format!("the page answered {status}"));
    }
    let action = ACTION
        .captures(&html)
        .and_then(|captures| captures.get(1))
        .map_or("", |action| action.as_str());
    let target = base
        .join(action)
        .map_err(|error| format!("the page's form leads nowhere: {error}"))?;
    let body =
        serde_urlencoded::to_string([("user_code", prompt.code.as_str()), ("decision", decision)])
            .map_err(|error| error.to_string())?;
    let answer = BROWSER
        .post(target)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .timeout(bound)
        .send()
        .await
        .map_err(failed)?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(format!(
            "the page refused the code {}: {}",
            prompt.code,
            answer.status()
        ))
    }
}
