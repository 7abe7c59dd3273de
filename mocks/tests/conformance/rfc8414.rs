//! RFC 8414, OAuth 2.0 Authorization Server Metadata.

use super::outside::{DEVICE_GRANT, JSON, Outside};

const STRICT: &str = "/.well-known/oauth-authorization-server/strict";
const ALL: [(&str, &str); 3] = [
    (STRICT, "/strict"),
    ("/.well-known/oauth-authorization-server", ""),
    ("/.well-known/openid-configuration", ""),
];

/// §3, §3.1: the well-known part stands between host and path. §3.2: 200 and JSON.
#[tokio::test]
async fn metadata_stands_where_section_3_says() {
    let outside = Outside::new().await;
    for (path, _) in ALL {
        let reply = outside.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("content-type").split(';').next(), Some(JSON));
        assert!(reply.json().is_object());
    }
}

/// §3.3: the issuer is the very one that the address was made from. §2: without query and fragment.
#[tokio::test]
async fn the_issuer_is_the_one_that_was_asked() {
    let outside = Outside::new().await;
    for (path, issuer) in ALL {
        let told = outside.get(path).await.word("issuer");
        assert_eq!(told, format!("{}{issuer}", outside.origin()), "{path}");
        assert!(!told.contains(['?', '#']));
    }
}

/// §2: the required members; no member is an empty list.
#[tokio::test]
async fn required_members_are_there() {
    let outside = Outside::new().await;
    for (path, _) in ALL {
        let body = outside.get(path).await.json();
        for required in ["issuer", "authorization_endpoint", "token_endpoint"] {
            assert!(body[required].is_string(), "{path}: {required}");
        }
        let codes = body["response_types_supported"].as_array().unwrap();
        assert!(codes.iter().any(|kind| kind == "code"));
        // §2, and RFC 9700 §2.1.1: who supports PKCE says so.
        assert_eq!(
            body["code_challenge_methods_supported"],
            serde_json::json!(["S256"])
        );
        for (name, value) in body.as_object().unwrap() {
            // §3.2: claims with zero elements must be omitted.
            assert!(
                value.as_array().is_none_or(|list| !list.is_empty()),
                "{path}: {name}"
            );
        }
    }
}

/// What is advertised is there: each endpoint answers with something else than 404.
#[tokio::test]
async fn every_endpoint_that_is_named_exists() {
    let outside = Outside::new().await;
    for (path, _) in ALL {
        let body = outside.get(path).await.json();
        let named = body.as_object().unwrap().iter();
        let endpoints =
            named.filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri");
        for (name, address) in endpoints {
            let reply = outside.get(address.as_str().unwrap()).await;
            assert_ne!(reply.status, 404, "{path}: {name} {address}");
        }
    }
}

/// RFC 8628 §4: the device endpoint has its name, and its grant is listed where it is good; ChatGPT's device flow is its
/// own and is not announced.
#[tokio::test]
async fn the_device_grant_is_announced_where_it_is_spoken() {
    let outside = Outside::new().await;
    for (path, spoken) in [
        (STRICT, true),
        ("/.well-known/oauth-authorization-server", false),
    ] {
        let body = outside.get(path).await.json();
        assert_eq!(
            body["device_authorization_endpoint"].is_string(),
            spoken,
            "{path}"
        );
        let grants = body["grant_types_supported"].as_array().unwrap();
        assert_eq!(
            grants.iter().any(|grant| grant == DEVICE_GRANT),
            spoken,
            "{path}"
        );
    }
}
