//! Tokens in the shape of a JWT, with the claims that clients read. No client checks the signature, and ours is none.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::account::Account;
use super::grant::Grant;
use super::profile::AccessStyle;
use super::secret::Mint;

/// What both tokens of a pair say.
pub(super) struct Claims<'a> {
    pub(super) grant: &'a Grant,
    pub(super) account: &'a Account,
    pub(super) session: &'a str,
    /// `iat` and `nbf`, unix seconds.
    pub(super) issued: u64,
    /// `exp`, unix seconds.
    pub(super) expires: u64,
}

impl Claims<'_> {
    /// The bearer token for the backend.
    pub(super) fn access_token(&self, mint: &mut Mint) -> String {
        let mut payload = self.common(mint);
        payload["aud"] = match self.grant.profile.tokens.access {
            AccessStyle::Vendor => json!(["https://api.openai.com/v1"]),
            // RFC 9068 §2.2: the resource, which here is the issuer itself.
            _ => json!(self.grant.issuer),
        };
        payload["client_id"] = json!(self.grant.client_id);
        payload["scp"] = self.grant.scope.split(' ').collect();
        if !self.is_vendors() {
            // RFC 9068 §2.2.3
            payload["scope"] = json!(self.grant.scope);
        }
        payload["session_id"] = json!(self.session);
        encode(&payload, mint.serial())
    }

    /// The token that says who signed in.
    pub(super) fn id_token(&self, mint: &mut Mint) -> String {
        let mut payload = self.common(mint);
        payload["aud"] = json!([self.grant.client_id]);
        payload["auth_time"] = json!(self.issued);
        payload["email"] = json!(self.account.email);
        payload["email_verified"] = json!(true);
        payload["sid"] = json!(self.session);
        encode(&payload, mint.serial())
    }

    /// Some clients look into the access token for the account, others into the id token: both carry it.
    fn common(&self, mint: &mut Mint) -> Value {
        let account = self.account;
        let vendors = self.is_vendors();
        // The vendor's spelling of its issuer ends with a slash, the one in clients' settings often does not.
        let slash = if vendors { "/" } else { "" };
        let mut payload = json!({
            "iss": format!("{}{slash}", self.grant.issuer),
            "sub": account.user_id,
            "iat": self.issued,
            "nbf": self.issued,
            "exp": self.expires,
            "jti": mint.uuid(),
        });
        if vendors {
            payload["https://api.openai.com/auth"] = json!({
                "chatgpt_account_id": account.id,
                "chatgpt_account_user_id": account.account_user_id(),
                "chatgpt_plan_type": account.plan,
                "chatgpt_user_id": account.user_id,
                "user_id": account.user_id,
            });
            payload["https://api.openai.com/profile"] =
                json!({ "email": account.email, "email_verified": true });
        }
        payload["name"] = json!(account.name);
        payload
    }

    fn is_vendors(&self) -> bool {
        self.grant.profile.tokens.access == AccessStyle::Vendor
    }
}

/// Whole seconds since 1970 that have begun.
pub(super) fn unix_floor(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

/// Whole seconds since 1970, rounded up, so that a token never dies before its life is over.
pub(super) fn unix_ceil(at: SystemTime) -> u64 {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    since.as_secs() + u64::from(since.subsec_nanos() > 0)
}

fn encode(payload: &Value, serial: u64) -> String {
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let header = r#"{"alg":"RS256","typ":"JWT","kid":"loginproof"}"#;
    format!(
        "{}.{}.{}",
        part(header),
        part(&payload.to_string()),
        part(&format!("loginproof-not-a-signature-{serial}"))
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::authorization::CLIENT_ID;
    use crate::authorization::profile::chatgpt::CHATGPT;

    fn grant(issuer: &str) -> Grant {
        Grant::to(&CHATGPT, CLIENT_ID, None, issuer)
    }

    fn payload(token: &str) -> (String, Value) {
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3, "{token}");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
        (parts[1].to_owned(), serde_json::from_slice(&bytes).unwrap())
    }

    /// Base64 turns three bytes into four letters, the last of which stands for the low six bits of the third byte: 62,
    /// which is `-`, for `>`, and 63, which is `_`, for `?`. Of three neighbours one is always the third byte of its
    /// group, so both letters appear wherever in the payload this name falls. A decoder that knows only the plain
    /// base64 alphabet cannot read such a token.
    const AWKWARD: &str = ">>>???";

    proptest! {
        #[test]
        fn a_name_can_make_a_payload_need_the_url_safe_alphabet(
            email in "[a-z]{1,20}@loginproof\\.example", plan in "[a-z]{0,9}", seed: u64, issued in 0..1u64 << 40, life in 0..1u64 << 30,
        ) {
            let mut account = Account::numbered(1, &email, &plan);
            account.name = AWKWARD.to_owned();
            let claims = Claims { grant: &grant("http://127.0.0.1:4000"), account: &account, session: "s", issued, expires: issued + life };
            let mut mint = Mint::new(seed);
            for token in [claims.access_token(&mut mint), claims.id_token(&mut mint)] {
                let (text, value) = payload(&token);
                prop_assert!(text.contains('-') && text.contains('_'), "{text}");
                prop_assert!(!text.contains(['+', '/', '=']));
                prop_assert_eq!(value["exp"].as_u64(), Some(issued + life));
            }
        }
    }

    #[test]
    fn both_tokens_name_the_account_and_the_person() {
        let account = Account::numbered(2, "second@loginproof.example", "team");
        let claims = Claims {
            grant: &grant("http://127.0.0.1:4000"),
            account: &account,
            session: "s",
            issued: 10,
            expires: 20,
        };
        let mut mint = Mint::new(1);
        for token in [claims.access_token(&mut mint), claims.id_token(&mut mint)] {
            let (_, value) = payload(&token);
            let auth = &value["https://api.openai.com/auth"];
            assert_eq!(auth["chatgpt_account_id"], account.id);
            assert_eq!(auth["chatgpt_plan_type"], "team");
            assert_eq!(auth["chatgpt_user_id"], account.user_id);
            assert_eq!(auth["chatgpt_account_user_id"], account.account_user_id());
            assert_eq!(
                value["https://api.openai.com/profile"]["email"],
                account.email
            );
            assert_eq!(value["iss"], "http://127.0.0.1:4000/");
            for claim in ["exp", "iat", "nbf"] {
                assert!(value[claim].is_u64(), "{claim}");
            }
        }
    }

    #[test]
    fn the_third_part_says_that_it_is_no_signature() {
        let account = Account::numbered(1, "a@loginproof.example", "plus");
        let claims = Claims {
            grant: &grant("http://x"),
            account: &account,
            session: "s",
            issued: 10,
            expires: 20,
        };
        let token = claims.access_token(&mut Mint::new(1));
        let signature = BASE64_URL_SAFE_NO_PAD
            .decode(token.rsplit('.').next().unwrap())
            .unwrap();
        assert!(
            String::from_utf8(signature)
                .unwrap()
                .starts_with("loginproof-not-a-signature-")
        );
    }

    #[test]
    fn a_part_of_a_second_counts_towards_the_life_of_a_token() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        assert_eq!((unix_floor(at), unix_ceil(at)), (1, 2));
    }
}
