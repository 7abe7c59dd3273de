//! Sources as links: `owner/repo#1`, `owner/repo!1`, `RFC 8628 §3.5`.

use std::sync::LazyLock;

use regex::Regex;

use super::quote::inline;

static ISSUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^([\w.-]+/[\w.-]+)([#!])(\d+)\b(.*)$")
        .expect("a regular expression that the tests compile")
});
static RFC: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^RFC (\d+)(?:,? §\s?([\dA-Z]+(?:\.\d+)*))?(.*)$")
        .expect("a regular expression that the tests compile")
});

/// A source, with a link where it has an address.
pub(super) fn link(source: &str) -> String {
    let source = source.trim();
    if let Some(found) = ISSUE.captures(source) {
        let kind = if &found[2] == "!" { "pull" } else { "issues" };
        let address = format!("https://github.com/{}/{kind}/{}", &found[1], &found[3]);
        let name = format!("{}#{}", &found[1], &found[3]);
        return format!("[{}]({address}){}", inline(&name), inline(&found[4]));
    }
    if let Some(found) = RFC.captures(source) {
        let section = found.get(2).map_or("", |section| section.as_str());
        let begins = |c: char| c.is_ascii_alphabetic();
        let place = match section {
            "" => String::new(),
            appendix if appendix.starts_with(begins) => format!("#appendix-{appendix}"),
            section => format!("#section-{section}"),
        };
        let name = if section.is_empty() {
            format!("RFC {}", &found[1])
        } else {
            format!("RFC {} §{section}", &found[1])
        };
        let address = format!("https://www.rfc-editor.org/rfc/rfc{}{place}", &found[1]);
        return format!("[{name}]({address}){}", inline(&found[3]));
    }
    if source.starts_with("WHATWG HTML") {
        let address = "https://html.spec.whatwg.org/multipage/server-sent-events.html";
        return format!("[{}]({address})", inline(source));
    }
    inline(source)
}

/// Whether a source is a specification, and not somebody's report or code.
pub(super) fn is_specification(source: &str) -> bool {
    [
        "RFC ",
        "WHATWG ",
        "OpenID ",
        "Open Responses",
        "OpenAI API reference",
        "ECMA",
        "POSIX",
    ]
    .iter()
    .any(|name| source.trim().starts_with(name))
}
