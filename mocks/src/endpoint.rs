//! Which endpoint a request is for, by method and path.

use crate::message::Request;
use crate::script::Endpoint;

/// Path prefixes that programs may call around a turn and that nobody judges.
const AMBIENT: [&str; 4] = [
    "/backend-api/ps/",
    "/backend-api/plugins/",
    "/backend-api/wham/",
    "/backend-api/codex/analytics-events/",
];

/// Where the Responses API stands: below the ChatGPT backend, and below the public API's prefix.
const RESPONSES_BASES: [&str; 2] = ["/backend-api/codex", "/v1"];

/// Classifies a request. A known path with a wrong method is [`Endpoint::Unknown`]: nobody expected it.
#[must_use]
pub fn classify(method: &str, path: &str, ambient: &[String]) -> Endpoint {
    let (endpoint, methods): (Endpoint, &[&str]) = match path {
        "/api/accounts/deviceauth/usercode" => (Endpoint::Usercode, &["POST"]),
        "/api/accounts/deviceauth/token" => (Endpoint::Poll, &["POST"]),
        "/oauth/token" => (Endpoint::Token, &["POST"]),
        "/oauth/revoke" => (Endpoint::Revoke, &["POST"]),
        "/codex/device" => (Endpoint::Page, &["GET", "HEAD", "POST"]),
        // A browser asks for it beside the page; nobody means anything by it.
        "/favicon.ico" => (Endpoint::Ambient, &["GET", "HEAD"]),
        // GET is the WebSocket upgrade; anything else on GET is judged by `is_upgrade`.
        _ if below_responses_base(path, "/responses") => (Endpoint::Responses, &["POST", "GET"]),
        _ if below_responses_base(path, "/models") => (Endpoint::Models, &["GET"]),
        _ if path.ends_with("/wham/accounts/check") => (Endpoint::Accounts, &["GET"]),
        _ if path.ends_with("/wham/usage") || path.ends_with("/api/codex/usage") => {
            (Endpoint::Usage, &["GET"])
        }
        _ => {
            let known = AMBIENT.iter().any(|prefix| path.starts_with(prefix))
                || ambient
                    .iter()
                    .any(|prefix| path.starts_with(prefix.as_str()));
            return if known {
                Endpoint::Ambient
            } else {
                Endpoint::Unknown
            };
        }
    };
    if methods.contains(&method) {
        endpoint
    } else {
        Endpoint::Unknown
    }
}

/// The endpoint of a request. `GET …/responses` counts only as the start of a WebSocket.
#[must_use]
pub fn of(request: &Request, ambient: &[String]) -> Endpoint {
    let endpoint = classify(&request.method, &request.path, ambient);
    if endpoint == Endpoint::Responses && request.method == "GET" && !is_upgrade(&request.headers) {
        return Endpoint::Unknown;
    }
    endpoint
}

/// Whether the headers ask for a WebSocket (RFC 6455 §4.1).
#[must_use]
pub fn is_upgrade(headers: &[(String, String)]) -> bool {
    crate::message::header(headers, "upgrade")
        .is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

fn below_responses_base(path: &str, end: &str) -> bool {
    RESPONSES_BASES
        .iter()
        .any(|base| path.strip_prefix(base) == Some(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_path_has_its_endpoint() {
        let cases = [
            (
                "POST",
                "/api/accounts/deviceauth/usercode",
                Endpoint::Usercode,
            ),
            ("POST", "/api/accounts/deviceauth/token", Endpoint::Poll),
            ("POST", "/oauth/token", Endpoint::Token),
            ("POST", "/oauth/revoke", Endpoint::Revoke),
            ("GET", "/codex/device", Endpoint::Page),
            ("POST", "/codex/device", Endpoint::Page),
            ("POST", "/backend-api/codex/responses", Endpoint::Responses),
            ("POST", "/v1/responses", Endpoint::Responses),
            ("GET", "/backend-api/codex/models", Endpoint::Models),
            ("GET", "/v1/models", Endpoint::Models),
            (
                "GET",
                "/backend-api/wham/accounts/check",
                Endpoint::Accounts,
            ),
            ("GET", "/backend-api/wham/usage", Endpoint::Usage),
            ("GET", "/backend-api/api/codex/usage", Endpoint::Usage),
            ("GET", "/backend-api/wham/settings/user", Endpoint::Ambient),
            (
                "GET",
                "/backend-api/ps/plugins/installed",
                Endpoint::Ambient,
            ),
            (
                "POST",
                "/backend-api/codex/analytics-events/events",
                Endpoint::Ambient,
            ),
            ("GET", "/favicon.ico", Endpoint::Ambient),
            ("GET", "/otel/v1/logs", Endpoint::Ambient),
        ];
        for (method, path, endpoint) in cases {
            assert_eq!(
                classify(method, path, &["/otel".to_owned()]),
                endpoint,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn a_wrong_method_or_another_path_is_unknown() {
        for (method, path) in [
            ("GET", "/oauth/token"),
            ("DELETE", "/v1/responses"),
            ("POST", "/responses"),
            ("POST", "/v1/responses/compact"),
            ("GET", "/"),
        ] {
            assert_eq!(
                classify(method, path, &[]),
                Endpoint::Unknown,
                "{method} {path}"
            );
        }
    }
}
