//! What servers say of themselves: RFC 8414 for the strict one, OpenID discovery for xAI.

use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::{Value, json};

use super::origin::ClientOrigin;
use crate::authorization::DEVICE_GRANT;
use crate::authorization::profile::Profile;
use crate::authorization::profile::chatgpt::CHATGPT;
use crate::authorization::profile::strict::STRICT;
use crate::authorization::profile::xai::XAI;

/// `/.well-known/oauth-authorization-server/strict`. RFC 8414 §3: the well-known part stands before the issuer's path.
pub(crate) async fn strict(ClientOrigin(origin): ClientOrigin) -> Response {
    let mut body = common(&STRICT, &origin);
    let at = |path: &str| json!(format!("{origin}/strict/{path}"));
    body["authorization_endpoint"] = at("authorize");
    body["token_endpoint"] = at("token");
    // RFC 8628 §4
    body["device_authorization_endpoint"] = at("device_authorization");
    body["revocation_endpoint"] = at("revoke");
    body["revocation_endpoint_auth_methods_supported"] = json!(["none"]);
    // RFC 9207 §3
    body["authorization_response_iss_parameter_supported"] = json!(true);
    json(&body)
}

/// `/.well-known/oauth-authorization-server`, of ChatGPT.
pub(crate) async fn chatgpt(ClientOrigin(origin): ClientOrigin) -> Response {
    let mut body = common(&CHATGPT, &origin);
    let at = |path: &str| json!(format!("{origin}/oauth/{path}"));
    body["authorization_endpoint"] = at("authorize");
    body["token_endpoint"] = at("token");
    body["revocation_endpoint"] = at("revoke");
    // Its device flow is not that of RFC 8628.
    body["grant_types_supported"] = json!(["authorization_code", "refresh_token"]);
    json(&body)
}

/// `/.well-known/openid-configuration`, of xAI.
pub(crate) async fn xai(ClientOrigin(origin): ClientOrigin) -> Response {
    let mut body = common(&XAI, &origin);
    let at = |path: &str| json!(format!("{origin}/oauth2/{path}"));
    body["authorization_endpoint"] = at("authorize");
    body["token_endpoint"] = at("token");
    body["device_authorization_endpoint"] = at("device/code");
    body["userinfo_endpoint"] = at("userinfo");
    body["revocation_endpoint"] = at("revoke");
    body["jwks_uri"] = json!(format!("{origin}/.well-known/jwks.json"));
    body["subject_types_supported"] = json!(["public"]);
    body["id_token_signing_alg_values_supported"] = json!(["RS256"]);
    json(&body)
}

/// `/.well-known/jwks.json`: no keys, for no token here is signed.
pub(crate) async fn keys() -> Response {
    json(&json!({ "keys": [] }))
}

fn common(profile: &Profile, origin: &str) -> Value {
    json!({
        // RFC 8414 §3.3: the very issuer that the address was built from.
        "issuer": format!("{origin}{}", profile.issuer),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", DEVICE_GRANT],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": profile.scope.split(' ').collect::<Vec<_>>(),
    })
}

/// RFC 8414 §3.2
fn json(body: &Value) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}
