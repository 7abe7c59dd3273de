//! The forward proxy that the environment names, for people to be told of.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// The proxy between here and this address, without user and password: `http://proxy.example:3128`. None where the way
/// is a direct one.
pub(super) fn between(url: &Url) -> Option<String> {
    between_by(&Matcher::from_env(), url)
}

fn between_by(matcher: &Matcher, url: &Url) -> Option<String> {
    if super::clients::is_loopback(url) {
        return None;
    }
    let proxy = matcher.intercept(&url.as_str().parse().ok()?)?;
    let proxy = proxy.uri();
    let host = proxy.authority()?.as_str();
    // It may still stand there when it could not be read as such.
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    Some(format!("{}://{host}", proxy.scheme_str().unwrap_or("http")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_is_named_without_its_password_and_only_where_it_is_used() {
        let matcher = Matcher::builder()
            .https("http://user:word@proxy.example:3128")
            .no("exempt.example")
            .build();
        let named = |url: &str| between_by(&matcher, &Url::parse(url).unwrap());
        let proxy = Some("http://proxy.example:3128".to_owned());
        assert_eq!(named("https://chatgpt.com/x"), proxy);
        assert_eq!(named("https://exempt.example/"), None);
        assert_eq!(named("http://chatgpt.com/"), None);
        assert_eq!(named("https://127.0.0.1:1/"), None);
    }
}
