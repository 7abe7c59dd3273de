//! The person's browser: opens pages of the mocks, fills in their forms, and follows where they lead.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use reqwest::{Response, Url};

use super::World;
use crate::run::callback;

static ACTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"<form[^>]*\baction="([^"]*)""#).expect("compiled by the tests"));
static HIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"<input[^>]*\btype="hidden"[^>]*>"#).expect("compiled by the tests")
});
static ATTRIBUTE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\b(name|value)="([^"]*)""#).expect("compiled by the tests"));
static CODE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?s)<code[^>]*\bid="authorization-code"[^>]*>(.*?)</code>"#)
        .expect("compiled by the tests")
});

/// No page leads on for longer than this.
const HOPS: usize = 8;

static BROWSER: LazyLock<reqwest::Client> = LazyLock::new(callback::browser);

/// Where the browser has arrived.
pub(super) enum Arrived {
    /// At a page of the mocks.
    Page(Page),
    /// On the way to a listener on loopback, which is the program's own.
    Callback(String),
}

/// A page of the mocks.
pub(super) struct Page {
    /// Its address, as the person sees it.
    url: Url,
    html: String,
}

/// What to open for an address that the person reads, and the host to ask for there; none if it is not ours.
pub(super) fn reach(world: &World, url: &str) -> Option<(String, Option<String>)> {
    world.network.browser(url, &world.server)
}

/// Sends the browser to a listener on loopback, which is where the program is.
pub(super) async fn visit(world: &World, url: &str, bound: Duration) -> Result<(), String> {
    match world.network.inside() {
        Some(inside) => callback::visit_inside(&inside, &world.loginproof, url, bound).await,
        None => callback::visit(&BROWSER, url, bound).await,
    }
}

/// Opens a page, and follows it where it leads at once.
pub(super) async fn open(world: &World, url: &str, bound: Duration) -> Result<Arrived, String> {
    let url = Url::parse(url).map_err(|error| format!("the address is none: {error}"))?;
    let answer = get(world, &url, bound).await?;
    follow(world, url, answer, bound).await
}

impl Page {
    /// Fills in the form and sends it off.
    pub(super) async fn submit(
        &self,
        world: &World,
        fields: &[(&str, &str)],
        bound: Duration,
    ) -> Result<Arrived, String> {
        let action = ACTION
            .captures(&self.html)
            .map_or(String::new(), |captures| unescaped(&captures[1]));
        let target = self
            .url
            .join(&action)
            .map_err(|error| format!("the page's form leads nowhere: {error}"))?;
        let mut all = self.hidden();
        all.extend(
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let body = serde_urlencoded::to_string(all).map_err(|error| error.to_string())?;
        let (address, host) = reach(world, target.as_str())
            .ok_or_else(|| format!("the page's form leads to {}", bare(target.as_str())))?;
        let mut request = BROWSER
            .post(address)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .timeout(bound);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer = request.send().await.map_err(failed)?;
        follow(world, target, answer, bound).await
    }

    /// The code that the page shows to be copied.
    pub(super) fn authorization_code(&self) -> Option<String> {
        CODE.captures(&self.html)
            .map(|captures| unescaped(captures[1].trim()))
    }

    fn hidden(&self) -> Vec<(String, String)> {
        let inputs = HIDDEN.find_iter(&self.html);
        inputs
            .filter_map(|input| {
                let (mut name, mut value) = (None, String::new());
                for captures in ATTRIBUTE.captures_iter(input.as_str()) {
                    match &captures[1] {
                        "name" => name = Some(unescaped(&captures[2])),
                        _ => value = unescaped(&captures[2]),
                    }
                }
                name.map(|name| (name, value))
            })
            .collect()
    }
}

async fn get(world: &World, url: &Url, bound: Duration) -> Result<Response, String> {
    let (address, host) = reach(world, url.as_str())
        .ok_or_else(|| format!("the page leads to {}", bare(url.as_str())))?;
    let mut request = BROWSER.get(address).timeout(bound);
    if let Some(host) = host {
        request = request.header("host", host);
    }
    request.send().await.map_err(failed)
}

async fn follow(
    world: &World,
    mut url: Url,
    mut answer: Response,
    bound: Duration,
) -> Result<Arrived, String> {
    for _ in 0..HOPS {
        let status = answer.status();
        if !status.is_redirection() {
            let html = answer.text().await.map_err(failed)?;
            return if status.is_success() {
                Ok(Arrived::Page(Page { url, html }))
            } else {
                Err(format!("the page answered {status}"))
            };
        }
        let location = answer
            .headers()
            .get("location")
            .and_then(|location| location.to_str().ok())
            .ok_or_else(|| format!("the page answered {status} without a place to go"))?;
        url = url
            .join(location)
            .map_err(|error| format!("the page leads nowhere: {error}"))?;
        if reach(world, url.as_str()).is_none() && callback::is_loopback(&url) {
            return Ok(Arrived::Callback(url.to_string()));
        }
        answer = get(world, &url, bound).await?;
    }
    Err("the page leads on and on".to_owned())
}

/// An address without its query, which may hold a code.
fn bare(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

fn failed(error: reqwest::Error) -> String {
    format!("the page could not be opened: {}", error.without_url())
}

/// Text of an attribute or an element.
fn unescaped(text: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (reference, character)| {
        text.replace(reference, character)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(html: &str) -> Page {
        Page {
            url: Url::parse("http://127.0.0.1:1/oauth/authorize").unwrap(),
            html: html.to_owned(),
        }
    }

    #[test]
    fn forms_and_codes_are_read_as_a_browser_does() {
        let page = page(
            r#"<form method="post" action="/oauth/authorize?a=1&amp;b=2"><input type="hidden" name="request" value="x&quot;y">
               <input name="visible" value="z"></form><p><code class="big" id="authorization-code"> CODE#STATE&amp; </code>"#,
        );
        assert_eq!(page.hidden(), [("request".to_owned(), "x\"y".to_owned())]);
        assert_eq!(page.authorization_code().as_deref(), Some("CODE#STATE&"));
        assert_eq!(unescaped("&amp;lt;"), "&lt;");
    }

    #[test]
    fn only_loopback_is_the_programs_own() {
        for (url, own) in [
            ("http://localhost:1455/auth/callback", true),
            ("http://127.0.0.2/", true),
            ("http://[::1]:1/", true),
            ("https://example.com/", false),
            ("http://127.0.0.1.example.com/", false),
        ] {
            assert_eq!(
                callback::is_loopback(&Url::parse(url).unwrap()),
                own,
                "{url}"
            );
        }
    }
}
