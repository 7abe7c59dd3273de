//! What the person finds on the screen.

use std::sync::LazyLock;

use regex::Regex;
use reqwest::Url;

use super::is_device;
use crate::target::Flow;
use crate::target::model::PersonHints;
use crate::terminal::View;

static URL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"https?://[^\s"'<>`\x1b]+"#).expect("compiled by the tests"));
static CODE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b[A-Z0-9]{4}-[A-Z0-9]{4,5}\b").expect("compiled by the tests"));

/// Where the person has to go, and what to type there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) url: String,
    /// Empty where the page hands out a code instead of taking one.
    pub(super) code: String,
}

/// Finds URL and code: an OSC 8 link first, then text. The URL must be one of ours.
pub(super) fn read(
    view: &View,
    hints: &PersonHints,
    flow: Flow,
    ours: impl Fn(&str) -> bool,
) -> Option<Prompt> {
    let texts: [&str; 2] = [&view.screen, &view.transcript];
    let pattern = hint(hints.url.as_deref());
    let in_text = texts
        .iter()
        .flat_map(|text| found(pattern.as_ref().unwrap_or(&URL), text));
    let urls: Vec<Url> = view
        .links
        .iter()
        .map(|link| link.url.clone())
        .chain(in_text)
        .map(|url| url.trim_end_matches(['.', ',', ')']).to_owned())
        .filter(|url| ours(url))
        .filter_map(|url| Url::parse(&url).ok())
        .filter(|url| !for_programs(url))
        .collect();
    let named = |url: &&Url| suits(url, flow);
    let url = urls.iter().find(named).or_else(|| {
        // A page by another name is a page all the same, but consent needs its parameters.
        urls.first().filter(|_| is_device(flow))
    })?;
    if !is_device(flow) {
        return Some(Prompt {
            url: url.to_string(),
            code: String::new(),
        });
    }
    let pattern = hint(hints.code.as_deref());
    let shown = texts.iter().find_map(|text| {
        let without_urls = URL.replace_all(text, " ");
        found(pattern.as_ref().unwrap_or(&CODE), &without_urls)
            .into_iter()
            .next()
    });
    // An address that holds the code already opens the page with the code filled in (RFC 8628 §3.3.1).
    let code = shown.or_else(|| {
        url.query_pairs()
            .find(|(name, _)| name == "user_code")
            .map(|(_, code)| code.into_owned())
    })?;
    Some(Prompt {
        url: url.to_string(),
        code,
    })
}

/// Where the consent leads back to, by the address of the page.
pub(super) fn redirect_uri(authorize: &str) -> Option<Url> {
    let url = Url::parse(authorize).ok()?;
    let (_, target) = url.query_pairs().find(|(name, _)| name == "redirect_uri")?;
    Url::parse(&target).ok()
}

/// A person knows an address for programs when a log shows one, and does not open it.
fn for_programs(url: &Url) -> bool {
    let path = url.path();
    let below = [
        "/api/",
        "/backend-api/",
        "/v1/",
        "/oauth/token",
        "/oauth/revoke",
        "/oauth2/token",
        "/oauth2/device/code",
        "/login/oauth/",
        "/login/device/code",
        "/copilot_internal/",
        "/.well-known/",
        "/token",
        "/strict/token",
        "/strict/revoke",
        "/strict/device_authorization",
    ];
    below.iter().any(|start| path.starts_with(start))
}

fn suits(url: &Url, flow: Flow) -> bool {
    let has = |name: &str| url.query_pairs().any(|(key, _)| key == name);
    if !is_device(flow) {
        return has("response_type") || has("code_challenge");
    }
    let path = url.path().to_ascii_lowercase();
    let words = ["device", "activate", "verif", "authorize", "link"];
    has("user_code") || words.iter().any(|word| path.contains(word))
}

fn hint(pattern: Option<&str>) -> Option<Regex> {
    pattern.and_then(|pattern| Regex::new(pattern).ok())
}

/// All matches, newest last: the first group, or the whole match.
fn found(pattern: &Regex, text: &str) -> Vec<String> {
    pattern
        .captures_iter(text)
        .filter_map(|captures| captures.get(1).or_else(|| captures.get(0)))
        .map(|found| found.as_str().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::Link;

    fn view(text: &str, links: &[&str]) -> View {
        let links: Vec<Link> = links
            .iter()
            .map(|url| Link {
                url: (*url).to_owned(),
                text: "here".to_owned(),
            })
            .collect();
        View {
            screen: text.into(),
            transcript: text.into(),
            links: links.into(),
            clipboard: Vec::new().into(),
            stdout: None,
            stderr: None,
            alternate: false,
        }
    }

    fn prompt(text: &str, links: &[&str], flow: Flow) -> Option<(String, String)> {
        let ours = |url: &str| url.starts_with("https://ours.example");
        read(&view(text, links), &PersonHints::default(), flow, ours)
            .map(|prompt| (prompt.url, prompt.code))
    }

    fn some(url: &str, code: &str) -> Option<(String, String)> {
        Some((url.to_owned(), code.to_owned()))
    }

    #[test]
    fn address_and_code_are_read_off_the_text() {
        let text = "1. Open https://ours.example/codex/device.\n2. Enter ABCD-12345\n";
        let page = "https://ours.example/codex/device";
        assert_eq!(prompt(text, &[], Flow::Chatgpt), some(page, "ABCD-12345"));
        assert_eq!(
            prompt("Open https://ours.example/device", &[], Flow::Nous),
            None
        );
        let other = "https://other.example/device ABCD-1234";
        assert_eq!(prompt(other, &[], Flow::Nous), None);
    }

    #[test]
    fn a_link_wins_over_the_text_and_a_page_over_an_address_for_programs() {
        let text = "POST https://ours.example/login/device/code\nhttps://ours.example/\nhttps://ours.example/login/device BCDF-GHJK";
        assert_eq!(
            prompt(text, &[], Flow::Github),
            some("https://ours.example/login/device", "BCDF-GHJK")
        );
        assert_eq!(
            prompt(text, &["https://ours.example/activate"], Flow::Github),
            some("https://ours.example/activate", "BCDF-GHJK")
        );
    }

    #[test]
    fn a_complete_address_holds_the_code() {
        let url = "https://ours.example/device?user_code=BCDF-GHJK";
        assert_eq!(
            prompt(&format!("Open {url}"), &[], Flow::Nous),
            some(url, "BCDF-GHJK")
        );
    }

    #[test]
    fn consent_needs_the_address_with_its_parameters() {
        let url = "https://ours.example/oauth/authorize?response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A1455%2Fauth%2Fcallback";
        let text = format!("see https://ours.example/help\n{url}\n");
        assert_eq!(prompt(&text, &[], Flow::Callback), some(url, ""));
        assert_eq!(
            prompt("see https://ours.example/help", &[], Flow::Callback),
            None
        );
        assert_eq!(
            redirect_uri(url).unwrap().as_str(),
            "http://localhost:1455/auth/callback"
        );
    }
}
