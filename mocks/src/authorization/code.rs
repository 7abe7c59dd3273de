//! Authorization codes: what an approved sign-in yields, good for one exchange.

use std::time::{Duration, SystemTime};

use super::account::Account;
use super::grant::Grant;
use super::pkce::{self, PkcePair};
use super::refusal::Refusal;
use super::secret::{Mint, SecretKind};

/// What a client shows to exchange a code.
pub(super) struct ExchangeRequest<'a> {
    pub(super) code: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) code_verifier: Option<&'a str>,
}

/// A code that was handed out.
pub(super) struct AuthorizationCode {
    pub(super) value: String,
    pub(super) account: Account,
    pub(super) grant: Grant,
    /// S256, if the request had one.
    challenge: Option<String>,
    redirect_uri: String,
    expires_at: SystemTime,
    /// The family whose first pair this code paid for.
    used_for: Option<usize>,
}

/// Why a code was not exchanged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CodeRefused {
    /// It was exchanged before, for this family.
    Reused(usize),
    /// Anything else.
    Refusal(Refusal),
}

impl AuthorizationCode {
    /// The code of the vendor's device flow, with the PKCE pair that the server makes for it.
    pub(super) fn with_pair(
        account: Account,
        grant: Grant,
        redirect_uri: String,
        mint: &mut Mint,
        now: SystemTime,
    ) -> (Self, PkcePair) {
        let pair = PkcePair::mint(mint);
        let challenge = Some(pair.challenge.clone());
        let code = Self::mint(account, grant, challenge, redirect_uri, mint, now);
        (code, pair)
    }

    /// The code of an authorization request, with the challenge that the client sent.
    pub(super) fn mint(
        account: Account,
        grant: Grant,
        challenge: Option<String>,
        redirect_uri: String,
        mint: &mut Mint,
        now: SystemTime,
    ) -> Self {
        Self {
            value: mint.secret(SecretKind::AuthorizationCode, "ac_loginproof_"),
            account,
            grant,
            challenge,
            redirect_uri,
            expires_at: now + LIFE,
            used_for: None,
        }
    }

    /// Checks a request against this code. Only a request that is right in every point uses it up.
    pub(super) fn check(
        &self,
        request: &ExchangeRequest<'_>,
        now: SystemTime,
    ) -> Result<(), CodeRefused> {
        if let Some(family) = self.used_for {
            return Err(CodeRefused::Reused(family));
        }
        let refuse = |why| Err(CodeRefused::Refusal(Refusal::Grant(why)));
        if now >= self.expires_at {
            return refuse("the authorization code has expired");
        }
        // RFC 6749 §4.1.3: identical to the one the code was given for.
        if request.redirect_uri != self.redirect_uri {
            return refuse("redirect_uri is not the one the code was given for");
        }
        match (&self.challenge, request.code_verifier) {
            // RFC 7636 §4.6
            (Some(challenge), Some(verifier)) if pkce::challenge(verifier) != *challenge => {
                refuse("code_verifier does not match the code_challenge")
            }
            // RFC 7636 §4.5: the code came with a challenge, so the verifier is required.
            (Some(_), None) => Err(CodeRefused::Refusal(Refusal::Missing("code_verifier"))),
            // RFC 9700 §4.8.2: a verifier without a challenge before it is a downgrade.
            (None, Some(_)) => refuse("code_verifier came for a code without code_challenge"),
            _ => Ok(()),
        }
    }

    pub(super) fn use_up(&mut self, family: usize) {
        self.used_for = Some(family);
    }
}

/// RFC 6749 §4.1.2: ten minutes at most.
const LIFE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::CLIENT_ID;
    use crate::authorization::profile::chatgpt::CHATGPT;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;
    const REDIRECT: &str = "http://127.0.0.1:4000/deviceauth/callback";

    fn code() -> (AuthorizationCode, PkcePair) {
        AuthorizationCode::with_pair(
            Account::numbered(1, "a@loginproof.example", "plus"),
            Grant::to(&CHATGPT, CLIENT_ID, None, "http://127.0.0.1:4000"),
            REDIRECT.to_owned(),
            &mut Mint::new(1),
            NOW,
        )
    }

    fn refused(
        code: &AuthorizationCode,
        redirect_uri: &str,
        code_verifier: &str,
        now: SystemTime,
    ) -> bool {
        code.check(
            &ExchangeRequest {
                code: &code.value,
                redirect_uri,
                code_verifier: Some(code_verifier),
            },
            now,
        )
        .is_err()
    }

    #[test]
    fn the_right_request_is_accepted_until_the_code_is_used() {
        let (mut code, pair) = code();
        assert!(!refused(&code, REDIRECT, &pair.verifier, NOW));
        code.use_up(4);
        let again = code.check(
            &ExchangeRequest {
                code: "",
                redirect_uri: "",
                code_verifier: None,
            },
            NOW,
        );
        assert_eq!(again, Err(CodeRefused::Reused(4)));
    }

    #[test]
    fn another_redirect_uri_is_refused_as_rfc_6749_section_4_1_3_demands() {
        let (code, pair) = code();
        assert!(refused(
            &code,
            "http://127.0.0.1:4000/deviceauth/callback/",
            &pair.verifier,
            NOW
        ));
    }

    #[test]
    fn another_verifier_is_refused_as_rfc_7636_section_4_6_demands() {
        let (code, pair) = code();
        assert!(refused(&code, REDIRECT, &pair.challenge, NOW));
        assert!(refused(&code, REDIRECT, "", NOW));
    }

    #[test]
    fn a_challenge_cannot_be_left_behind_or_made_up_as_rfc_9700_section_4_8_2_says() {
        let (code, _) = code();
        let without = ExchangeRequest {
            code: "",
            redirect_uri: REDIRECT,
            code_verifier: None,
        };
        assert_eq!(
            code.check(&without, NOW),
            Err(CodeRefused::Refusal(Refusal::Missing("code_verifier")))
        );
        let plain = AuthorizationCode {
            challenge: None,
            ..code
        };
        let with = ExchangeRequest {
            code_verifier: Some("a-verifier-that-nobody-announced-before-the-exchange"),
            ..without
        };
        assert!(plain.check(&with, NOW).is_err());
    }

    #[test]
    fn a_code_lives_ten_minutes_as_rfc_6749_section_4_1_2_recommends() {
        let (code, pair) = code();
        assert!(!refused(
            &code,
            REDIRECT,
            &pair.verifier,
            NOW + Duration::from_secs(599)
        ));
        assert!(refused(
            &code,
            REDIRECT,
            &pair.verifier,
            NOW + Duration::from_secs(600)
        ));
    }
}
