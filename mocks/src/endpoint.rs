//! Which endpoint a request is for, by method and path.

use crate::authorization::DEVICE_GRANT;
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

/// Classifies a request whose body is not at hand, or says nothing. A known path with a wrong method is
/// [`Endpoint::Unknown`]: nobody expected it.
#[must_use]
pub fn classify(method: &str, path: &str, ambient: &[String]) -> Endpoint {
    let Some((endpoint, methods)) = known(path) else {
        let nobodys = AMBIENT.iter().any(|prefix| path.starts_with(prefix))
            || ambient
                .iter()
                .any(|prefix| path.starts_with(prefix.as_str()));
        return if nobodys {
            Endpoint::Ambient
        } else {
            Endpoint::Unknown
        };
    };
    if methods.contains(&method) {
        endpoint
    } else {
        Endpoint::Unknown
    }
}

/// The endpoint of a request. `GET …/responses` counts only as the start of a WebSocket, and a token request is a
/// poll when its grant is the device's.
#[must_use]
pub fn of(request: &Request, ambient: &[String]) -> Endpoint {
    match classify(&request.method, &request.path, ambient) {
        Endpoint::Responses if request.method == "GET" && !is_upgrade(&request.headers) => {
            Endpoint::Unknown
        }
        Endpoint::Token if is_device_grant(request) => Endpoint::Poll,
        endpoint => endpoint,
    }
}

/// The methods that a path takes; none where nothing is there.
#[must_use]
pub fn methods(path: &str) -> Option<&'static [&'static str]> {
    known(path).map(|(_, methods)| methods)
}

/// What a path is for, and the methods it takes.
fn known(path: &str) -> Option<(Endpoint, &'static [&'static str])> {
    const GET: &[&str] = &["GET"];
    const POST: &[&str] = &["POST"];
    const PAGE: &[&str] = &["GET", "HEAD", "POST"];
    Some(match path {
        "/api/accounts/deviceauth/usercode"
        | "/api/oauth/device/code"
        | "/oauth2/device/code"
        | "/api/v1/oauth2/device/code"
        | "/login/device/code"
        | "/strict/device_authorization" => (Endpoint::Usercode, POST),
        "/api/accounts/deviceauth/token" => (Endpoint::Poll, POST),
        "/oauth/token"
        | "/api/oauth/token"
        | "/oauth2/token"
        | "/api/v1/oauth2/token"
        | "/login/oauth/access_token"
        | "/strict/token"
        | "/v1/oauth/token"
        | "/token" => (Endpoint::Token, POST),
        "/oauth/revoke" | "/strict/revoke" | "/oauth2/revoke" | "/revoke" => {
            (Endpoint::Revoke, POST)
        }
        "/codex/device" | "/device" | "/login/device" => (Endpoint::Page, PAGE),
        "/oauth/authorize"
        | "/cai/oauth/authorize"
        | "/o/oauth2/v2/auth"
        | "/oauth2/authorize"
        | "/strict/authorize" => (Endpoint::Authorize, PAGE),
        "/.well-known/openid-configuration"
        | "/.well-known/jwks.json"
        | "/.well-known/oauth-authorization-server"
        | "/.well-known/oauth-authorization-server/strict" => (Endpoint::Metadata, GET),
        "/copilot_internal/v2/token" | "/api/v3/copilot_internal/v2/token" => {
            (Endpoint::Copilot, GET)
        }
        "/graphql"
        | "/api/graphql"
        | "/api/oauth/claude_cli/create_api_key"
        | "/v1/messages/count_tokens" => (Endpoint::Profile, POST),
        "/user"
        | "/api/v3/user"
        | "/copilot_internal/user"
        | "/api/oauth/profile"
        | "/api/oauth/claude_cli/roles"
        | "/oauth2/v2/userinfo"
        | "/oauth2/userinfo" => (Endpoint::Profile, GET),
        "/api/hello" | "/v1/oauth/hello" => (Endpoint::Profile, &["GET", "HEAD"]),
        "/tokeninfo" => (Endpoint::Profile, &["GET", "POST"]),
        "/models" | "/api/v1/models" => (Endpoint::Models, GET),
        // A browser asks for it beside the page; nobody means anything by it.
        "/favicon.ico" => (Endpoint::Ambient, &["GET", "HEAD"]),
        // GET is the WebSocket upgrade; anything else on GET is judged by `is_upgrade`.
        _ if below_responses_base(path, "/responses") => (Endpoint::Responses, &["POST", "GET"]),
        _ if below_responses_base(path, "/models") => (Endpoint::Models, GET),
        _ if path.ends_with("/wham/accounts/check") => (Endpoint::Accounts, GET),
        _ if path.ends_with("/wham/usage") || path.ends_with("/api/codex/usage") => {
            (Endpoint::Usage, GET)
        }
        _ if path.ends_with("/chat/completions") => (Endpoint::Chat, POST),
        _ if path.ends_with("/v1/messages") => (Endpoint::Messages, POST),
        _ => return path.strip_prefix("/v1internal:").and_then(code_assist),
    })
}

/// The methods of Code Assist: those that generate, and those that are about the account.
fn code_assist(method: &str) -> Option<(Endpoint, &'static [&'static str])> {
    match method {
        "generateContent" | "streamGenerateContent" | "countTokens" => {
            Some((Endpoint::Generate, &["POST"]))
        }
        "" => None,
        _ if method.contains('/') => None,
        _ => Some((Endpoint::Profile, &["GET", "POST"])),
    }
}

/// RFC 8628 §3.4: the grant that polls.
fn is_device_grant(request: &Request) -> bool {
    request
        .json()
        .is_some_and(|body| body["grant_type"] == DEVICE_GRANT)
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
    use bytes::Bytes;

    use super::*;

    fn post(path: &str, kind: &str, body: &str) -> Request {
        Request {
            method: "POST".to_owned(),
            path: path.to_owned(),
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            decoded: Bytes::copy_from_slice(body.as_bytes()),
            ..Request::default()
        }
    }

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
            ("POST", "/api/oauth/device/code", Endpoint::Usercode),
            ("POST", "/oauth2/device/code", Endpoint::Usercode),
            ("POST", "/api/v1/oauth2/device/code", Endpoint::Usercode),
            ("POST", "/login/device/code", Endpoint::Usercode),
            ("POST", "/strict/device_authorization", Endpoint::Usercode),
            ("POST", "/login/oauth/access_token", Endpoint::Token),
            ("POST", "/v1/oauth/token", Endpoint::Token),
            ("POST", "/token", Endpoint::Token),
            ("POST", "/strict/revoke", Endpoint::Revoke),
            ("GET", "/device", Endpoint::Page),
            ("POST", "/login/device", Endpoint::Page),
            ("GET", "/oauth/authorize", Endpoint::Authorize),
            ("POST", "/o/oauth2/v2/auth", Endpoint::Authorize),
            (
                "GET",
                "/.well-known/oauth-authorization-server/strict",
                Endpoint::Metadata,
            ),
            ("GET", "/copilot_internal/v2/token", Endpoint::Copilot),
            ("POST", "/graphql", Endpoint::Profile),
            ("HEAD", "/api/hello", Endpoint::Profile),
            ("POST", "/v1internal:loadCodeAssist", Endpoint::Profile),
            (
                "POST",
                "/v1internal:streamGenerateContent",
                Endpoint::Generate,
            ),
            ("POST", "/v1/chat/completions", Endpoint::Chat),
            ("POST", "/api/v1/chat/completions", Endpoint::Chat),
            ("POST", "/chat/completions", Endpoint::Chat),
            ("POST", "/v1/messages", Endpoint::Messages),
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
    fn a_token_request_of_the_device_grant_is_a_poll() {
        for (kind, body, endpoint) in [
            (
                "application/x-www-form-urlencoded",
                "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=x",
                Endpoint::Poll,
            ),
            (
                "application/json",
                r#"{"grant_type":"urn:ietf:params:oauth:grant-type:device_code"}"#,
                Endpoint::Poll,
            ),
            (
                "application/x-www-form-urlencoded",
                "grant_type=refresh_token",
                Endpoint::Token,
            ),
            ("application/json", "{", Endpoint::Token),
        ] {
            assert_eq!(of(&post("/strict/token", kind, body), &[]), endpoint);
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
            ("POST", "/v1internal"),
            ("GET", "/v1/chat/completions"),
        ] {
            assert_eq!(
                classify(method, path, &[]),
                Endpoint::Unknown,
                "{method} {path}"
            );
        }
    }
}
