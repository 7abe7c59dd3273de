//! One sign-in from a device: the code a person types, their decision, and what a poll learns of it.

use std::time::SystemTime;

use super::account::Account;
use super::grant::Grant;
use super::pace::Pace;
use super::refusal::Refusal;
use super::secret::{Mint, SecretKind};

/// A code that a person reads on one screen and types on another: four letters, a dash, and the rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct UserCode(String);

impl UserCode {
    /// A code of so many letters; the vendor's have nine, others' eight.
    pub(super) fn mint(length: usize, mint: &mut Mint) -> Self {
        Self(mint.text(LETTERS, length))
    }

    /// What a person typed, whatever they made of case, dashes and blanks (RFC 8628 §6.1).
    pub(super) fn typed(text: &str) -> Self {
        Self(
            text.chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_uppercase())
                .collect(),
        )
    }

    pub(super) fn is_blank(&self) -> bool {
        self.0.is_empty()
    }

    /// As it is shown.
    pub(super) fn shown(&self) -> String {
        format!("{}-{}", &self.0[..4], &self.0[4..])
    }
}

/// What the person at the page does with a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Approve,
    Deny,
}

/// Where a sign-in stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nobody has decided.
    Pending,
    /// Approved; the next poll redeems it.
    Approved(Account),
    /// Denied.
    Denied,
    /// A poll has taken the authorization code away.
    Redeemed,
    /// Ran out before a poll could redeem it.
    Expired,
}

/// One sign-in, from the user-code request to its redemption.
pub(super) struct DeviceSignIn {
    pub(super) device_auth_id: String,
    pub(super) user_code: UserCode,
    pub(super) expires_at: SystemTime,
    pub(super) pace: Pace,
    /// What an RFC 8628 device asked for. None for the vendor's own flow, where approval brings a code.
    pub(super) request: Option<DeviceRequest>,
    progress: Progress,
}

/// What a device asked for when it started (RFC 8628 §3.1).
#[derive(Clone)]
pub(super) struct DeviceRequest {
    pub(super) grant: Grant,
    /// S256 challenge, where the device sent one.
    pub(super) challenge: Option<String>,
}

impl DeviceSignIn {
    pub(super) fn start(
        user_code: UserCode,
        expires_at: SystemTime,
        pace: Pace,
        request: Option<DeviceRequest>,
        mint: &mut Mint,
    ) -> Self {
        let prefix = match request {
            None => "deviceauth_loginproof_",
            Some(_) => "dc_loginproof_",
        };
        // RFC 8628 §5.2: the device's code is long enough that guessing it is hopeless.
        let device_auth_id = mint.secret(SecretKind::DeviceAuthId, prefix);
        Self {
            device_auth_id,
            user_code,
            expires_at,
            pace,
            request,
            progress: Progress::Pending,
        }
    }

    pub(super) fn progress(&self, now: SystemTime) -> Progress {
        match &self.progress {
            Progress::Pending | Progress::Approved(_) if now >= self.expires_at => {
                Progress::Expired
            }
            progress => progress.clone(),
        }
    }

    /// Decides a pending sign-in. Gives back where it stood if there was nothing left to decide.
    pub(super) fn decide(
        &mut self,
        decision: Decision,
        account: Account,
        now: SystemTime,
    ) -> Result<(), Progress> {
        match self.progress(now) {
            Progress::Pending => {
                self.progress = match decision {
                    Decision::Approve => Progress::Approved(account),
                    Decision::Deny => Progress::Denied,
                };
                Ok(())
            }
            decided => Err(decided),
        }
    }

    /// What a poll learns. An approved sign-in is redeemed by it, once.
    pub(super) fn poll(&mut self, pending: u16, now: SystemTime) -> Result<Account, Refusal> {
        match self.progress(now) {
            Progress::Pending => Err(Refusal::Pending(pending)),
            Progress::Denied => Err(Refusal::Declined),
            Progress::Expired => Err(Refusal::CodeExpired),
            Progress::Redeemed => Err(Refusal::Grant("the sign-in has been redeemed")),
            Progress::Approved(account) => {
                self.progress = Progress::Redeemed;
                Ok(account)
            }
        }
    }
}

/// RFC 8628 §6.1: twenty consonants, so that no code spells a word or holds look-alikes.
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    fn at(seconds: u64) -> SystemTime {
        START + Duration::from_secs(seconds)
    }

    fn account() -> Account {
        Account::numbered(1, "person@loginproof.example", "plus")
    }

    fn sign_in() -> DeviceSignIn {
        let mut mint = Mint::new(5);
        let code = UserCode::mint(9, &mut mint);
        let pace = Pace::new(Duration::from_secs(1));
        DeviceSignIn::start(code, at(900), pace, None, &mut mint)
    }

    #[test]
    fn a_user_code_is_four_and_five_consonants_as_rfc_8628_section_6_1_advises() {
        let mut mint = Mint::new(1);
        for _ in 0..200 {
            let shown = UserCode::mint(9, &mut mint).shown();
            let (left, right) = shown.split_once('-').unwrap();
            assert_eq!((left.len(), right.len()), (4, 5));
            assert!(
                left.bytes()
                    .chain(right.bytes())
                    .all(|letter| LETTERS.contains(&letter)),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_typed_code_is_compared_without_case_dashes_and_blanks() {
        let code = UserCode::mint(9, &mut Mint::new(1));
        let lower = code.shown().to_lowercase();
        for typed in [
            lower.clone(),
            lower.replace('-', ""),
            lower.replace('-', " – "),
            format!("  {lower}\u{a0}\n"),
        ] {
            assert_eq!(UserCode::typed(&typed), code, "{typed:?}");
        }
        assert!(UserCode::typed(" -- ").is_blank());
    }

    #[test]
    fn a_poll_is_pending_until_somebody_decides() {
        let mut sign_in = sign_in();
        assert_eq!(sign_in.poll(404, at(1)), Err(Refusal::Pending(404)));
        assert_eq!(sign_in.poll(403, at(899)), Err(Refusal::Pending(403)));
    }

    #[test]
    fn an_approved_sign_in_is_redeemed_once() {
        let mut sign_in = sign_in();
        sign_in.decide(Decision::Approve, account(), at(2)).unwrap();
        assert_eq!(sign_in.poll(403, at(3)), Ok(account()));
        assert!(matches!(sign_in.poll(403, at(4)), Err(Refusal::Grant(_))));
    }

    #[test]
    fn a_denied_sign_in_stays_denied() {
        let mut sign_in = sign_in();
        sign_in.decide(Decision::Deny, account(), at(2)).unwrap();
        assert_eq!(
            sign_in.decide(Decision::Approve, account(), at(3)),
            Err(Progress::Denied)
        );
        assert_eq!(sign_in.poll(403, at(4)), Err(Refusal::Declined));
        assert_eq!(sign_in.poll(403, at(1_000)), Err(Refusal::Declined));
    }

    #[test]
    fn a_sign_in_expires_approved_or_not_as_rfc_8628_section_3_5_says() {
        let mut pending = sign_in();
        assert_eq!(pending.poll(403, at(900)), Err(Refusal::CodeExpired));
        assert_eq!(
            pending.decide(Decision::Approve, account(), at(900)),
            Err(Progress::Expired)
        );

        let mut approved = sign_in();
        approved
            .decide(Decision::Approve, account(), at(10))
            .unwrap();
        assert_eq!(approved.poll(403, at(901)), Err(Refusal::CodeExpired));
    }
}
