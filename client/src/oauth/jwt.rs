//! Claims of a JSON Web Token, read without checking the signature: the token comes from its own issuer over TLS,
//! and nothing here is a decision of trust.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::error_body::integer;

/// The claim under which the vendor keeps account data.
const AUTH: &str = "https://api.openai.com/auth";
/// The claim under which the vendor keeps profile data.
const PROFILE: &str = "https://api.openai.com/profile";

/// The claims that the client reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// Expiry, Unix seconds.
    pub expires_at: Option<i64>,
    /// Not valid before, Unix seconds.
    pub not_before: Option<i64>,
    /// The ChatGPT account (workspace) the token is for.
    pub account_id: Option<String>,
    /// The user within the account.
    pub user_id: Option<String>,
    /// The plan, as the vendor names it.
    pub plan: Option<String>,
    /// The e-mail address of the user.
    pub email: Option<String>,
}

impl Claims {
    /// Reads a token of three base64url parts. `None` when it has another form: an opaque token is no error.
    ///
    /// ```
    /// use loginproof_client::oauth::jwt::Claims;
    /// // {"alg":"none"} . {"exp":1700000000} . (no signature)
    /// let claims = Claims::read("eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDAwMDAwMDB9.").unwrap();
    /// assert_eq!(claims.expires_at, Some(1_700_000_000));
    /// assert_eq!(Claims::read("opaque"), None);
    /// ```
    pub fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let claims: Value = serde_json::from_slice(&payload).ok()?;
        claims.as_object()?;
        let text = |value: Option<&Value>| {
            value
                .and_then(Value::as_str)
                .filter(|s| !s.is_empty())
                .map(str::to_owned)
        };
        let auth = claims.get(AUTH);
        let of_auth = |name: &str| text(auth.and_then(|a| a.get(name)));
        Some(Self {
            expires_at: claims.get("exp").and_then(integer),
            not_before: claims.get("nbf").and_then(integer),
            account_id: of_auth("chatgpt_account_id")
                .or_else(|| text(claims.get("chatgpt_account_id"))),
            user_id: of_auth("chatgpt_user_id")
                .or_else(|| of_auth("user_id"))
                .or_else(|| text(claims.get("sub"))),
            plan: of_auth("chatgpt_plan_type"),
            email: text(claims.get("email"))
                .or_else(|| text(claims.get(PROFILE).and_then(|p| p.get("email")))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: Value) -> String {
        format!(
            "eyJhbGciOiJub25lIn0.{}.c2ln",
            URL_SAFE_NO_PAD.encode(claims.to_string())
        )
    }

    #[test]
    fn account_plan_and_mail_are_read_from_their_namespaces() {
        let claims = Claims::read(&token(serde_json::json!({
            "exp": 1_700_000_000.0,
            (AUTH): { "chatgpt_account_id": "acct-1", "chatgpt_plan_type": "plus", "user_id": "user-1" },
            (PROFILE): { "email": "ü?>~@example.test" },
        })));
        let claims = claims.unwrap();
        assert_eq!(claims.account_id.as_deref(), Some("acct-1"));
        assert_eq!(claims.user_id.as_deref(), Some("user-1"));
        assert_eq!(claims.email.as_deref(), Some("ü?>~@example.test"));
        assert_eq!(claims.expires_at, Some(1_700_000_000));
    }

    #[test]
    fn a_token_of_two_or_four_parts_is_not_read() {
        let good = token(serde_json::json!({ "exp": 1 }));
        assert!(Claims::read(&good).is_some());
        assert_eq!(Claims::read(good.rsplit_once('.').unwrap().0), None);
        assert_eq!(Claims::read(&format!("{good}.x")), None);
    }
}
