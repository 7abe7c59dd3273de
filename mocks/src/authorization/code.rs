//! Authorization codes: what an approved sign-in yields, good for one exchange.

use std::time::{Duration, SystemTime};

use super::account::Account;
use super::pkce::{self, PkcePair};
use super::refusal::Refusal;
use super::secret::{Mint, SecretKind};

/// What a client shows to exchange a code.
pub(super) struct ExchangeRequest<'a> {
    pub(super) code: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) code_verifier: &'a str,
}

/// A code that was handed out.
pub(super) struct AuthorizationCode {
    pub(super) value: String,
    pub(super) account: Account,
    challenge: String,
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
    pub(super) fn mint(
        account: Account,
        redirect_uri: String,
        mint: &mut Mint,
        now: SystemTime,
    ) -> (Self, PkcePair) {
        let pair = PkcePair::mint(mint);
        let value = mint.secret(SecretKind::AuthorizationCode, "ac_loginproof_");
        let challenge = pair.challenge.clone();
        (
            Self {
                value,
                account,
                challenge,
                redirect_uri,
                expires_at: now + LIFE,
                used_for: None,
            },
            pair,
        )
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
        // RFC 7636 §4.6
        if pkce::challenge(request.code_verifier) != self.challenge {
            return refuse("code_verifier does not match the code_challenge");
        }
        Ok(())
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

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;
    const REDIRECT: &str = "http://127.0.0.1:4000/deviceauth/callback";

    fn code() -> (AuthorizationCode, PkcePair) {
        AuthorizationCode::mint(
            Account::numbered(1, "a@loginproof.example", "plus"),
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
                code_verifier,
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
                code_verifier: "",
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
