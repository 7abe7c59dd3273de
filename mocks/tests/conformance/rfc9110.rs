//! RFC 9110, HTTP Semantics; RFC 6750 for bearer tokens.

use serde_json::json;

use super::outside::{JSON, Outside};

/// §15.5.6: a 405 must name the methods that are allowed.
#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let outside = Outside::new().await;
    for (method, path, allowed) in [
        ("GET", "/oauth/token", "POST"),
        ("PUT", "/strict/token", "POST"),
        ("DELETE", "/backend-api/codex/models", "GET"),
        ("PATCH", "/codex/device", "GET"),
        ("DELETE", "/backend-api/codex/responses", "POST"),
        ("POST", "/.well-known/oauth-authorization-server", "GET"),
    ] {
        let reply = outside.send(method, path, &[], "").await;
        assert_eq!(reply.status, 405, "{method} {path}");
        let allow = reply.header("allow");
        assert!(
            allow.split(',').any(|name| name.trim() == allowed),
            "{method} {path}: {allow:?}"
        );
        assert!(!allow.contains(method), "{method} {path}: {allow:?}");
    }
}

/// §9.3.2: HEAD is GET without the content, with the same fields where they are sent.
#[tokio::test]
async fn head_is_get_without_content() {
    let outside = Outside::new().await;
    for path in [
        "/.well-known/oauth-authorization-server",
        "/codex/device",
        "/nowhere",
    ] {
        let get = outside.get(path).await;
        let head = outside.send("HEAD", path, &[], "").await;
        assert_eq!(
            (head.status, head.text.as_str()),
            (get.status, ""),
            "{path}"
        );
        assert_eq!(head.header("content-type"), get.header("content-type"));
        // §8.6: it may be left out, but it may not differ.
        let length = head.header("content-length");
        assert!(
            length.is_empty() || length == get.header("content-length"),
            "{path}: {length}"
        );
    }
}

/// §15.5.2, §11.6.1: a 401 must say which scheme would do. RFC 6750 §3: Bearer.
#[tokio::test]
async fn a_resource_without_a_token_challenges() {
    let outside = Outside::new().await;
    for path in [
        "/backend-api/codex/models",
        "/v1/models",
        "/backend-api/wham/accounts/check",
        "/user",
    ] {
        let mut tries = vec![Vec::new()];
        // What is no token of ours may be somebody's API key, which the public API takes.
        if !path.starts_with("/v1/") {
            tries.push(vec![("authorization", "Bearer not-a-token-of-ours")]);
        }
        for headers in tries {
            let reply = outside.send("GET", path, &headers, "").await;
            assert_eq!(reply.status, 401, "{path}: {reply:?}");
            assert!(
                reply.header("www-authenticate").starts_with("Bearer"),
                "{path}: {reply:?}"
            );
        }
    }
}

/// §11.1: the name of a scheme has no case.
#[tokio::test]
async fn the_scheme_has_no_case() {
    let outside = Outside::new().await;
    let (access, _) = outside.pair().await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let bearer = format!("{scheme} {access}");
        let reply = outside
            .send("GET", "/v1/models", &[("authorization", &bearer)], "")
            .await;
        assert_eq!(reply.status, 200, "{scheme}");
    }
}

/// §13.1.2: who has the representation already gets 304 without content.
#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let outside = Outside::new().await;
    let (access, _) = outside.pair().await;
    let bearer = format!("Bearer {access}");
    let first = outside
        .send("GET", "/v1/models", &[("authorization", &bearer)], "")
        .await;
    let etag = first.header("etag");
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    let headers = [("authorization", bearer.as_str()), ("if-none-match", etag)];
    let second = outside.send("GET", "/v1/models", &headers, "").await;
    assert_eq!(
        (second.status, second.text.as_str(), second.header("etag")),
        (304, "", etag)
    );
}

/// §15.5.22: a 426 names the protocol to change to; §7.8: with `Connection: upgrade`. What the harness refuses so is a
/// WebSocket, on which programs go on with POST (responses.md §0).
#[tokio::test]
async fn a_get_of_the_responses_endpoint_is_not_a_turn() {
    let outside = Outside::new().await;
    let reply = outside.get("/backend-api/codex/responses").await;
    if reply.status == 426 {
        assert!(!reply.header("upgrade").is_empty(), "{reply:?}");
        assert!(
            reply
                .header("connection")
                .to_ascii_lowercase()
                .contains("upgrade")
        );
    } else {
        assert_eq!(reply.status / 100, 4, "{reply:?}");
    }
}

/// §8.3, §15.5.16: content of a type that is not JSON is no turn; the body says so in JSON.
#[tokio::test]
async fn content_of_another_type_is_refused() {
    let outside = Outside::new().await;
    let (access, _) = outside.pair().await;
    let bearer = format!("Bearer {access}");
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
        let body = json!({"model": "m", "input": [], "stream": true, "store": false}).to_string();
        let reply = outside.send("POST", "/v1/responses", &headers, body).await;
        assert!(matches!(reply.status, 400 | 415), "{kind}: {reply:?}");
        assert_eq!(reply.header("content-type"), JSON);
    }
}

/// §8.4: a content coding is taken off, and one that is not known is refused with 415 (§15.5.16) that names those that
/// are (§12.5.3).
#[tokio::test]
async fn an_unknown_content_coding_is_refused() {
    let outside = Outside::new().await;
    let headers = [("content-type", JSON), ("content-encoding", "x-rot13")];
    let reply = outside.send("POST", "/oauth/token", &headers, "{}").await;
    assert_eq!(reply.status, 415, "{reply:?}");
    assert!(
        reply.header("accept-encoding").contains("zstd"),
        "{reply:?}"
    );
}
