//! Minting: every secret is random from the server's seed, unique, recognisable, and written down for the search for leaks.

use std::fmt;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What a minted secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// Bearer token for the backend, a JWT.
    AccessToken,
    /// Token that is exchanged for the next pair.
    RefreshToken,
    /// Token that says who signed in, a JWT.
    IdToken,
    /// Single-use code that an approved sign-in yields.
    AuthorizationCode,
    /// The verifier of the PKCE pair that belongs to a code.
    CodeVerifier,
    /// The device's half of a sign-in; the person's half, the user code, is shown and no secret.
    DeviceAuthId,
}

/// A secret that this server minted.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// What it is.
    pub kind: SecretKind,
    /// The secret itself.
    pub value: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({})", self.kind, Redacted(&self.value))
    }
}

/// Shows the last four characters of a secret.
pub(super) struct Redacted<'a>(pub(super) &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail: Vec<char> = self.0.chars().rev().take(4).collect();
        f.write_str("…")?;
        tail.iter().rev().try_for_each(|c| write!(f, "{c}"))
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The source of everything minted.
pub(super) struct Mint {
    rng: StdRng,
    serial: u64,
    issued: Vec<Secret>,
}

impl Mint {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            serial: 0,
            issued: Vec::new(),
        }
    }

    /// A number never given before by this mint.
    pub(super) fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Random text over an alphabet. A letter of an alphabet of 62 carries almost six bits.
    pub(super) fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(alphabet[self.rng.random_range(0..alphabet.len())]))
            .collect()
    }

    /// Random lower-case hexadecimal in the shape of a version 4 UUID.
    pub(super) fn uuid(&mut self) -> String {
        let digits = self.text(b"0123456789abcdef", 30);
        format!(
            "{}-{}-4{}-8{}-{}",
            &digits[..8],
            &digits[8..12],
            &digits[12..15],
            &digits[15..18],
            &digits[18..30]
        )
    }

    /// A secret: the prefix, which says what it is, and 43 random letters and digits (256 bits).
    pub(super) fn secret(&mut self, kind: SecretKind, prefix: &str) -> String {
        let value = format!("{prefix}{}", self.text(ALPHANUMERIC, 43));
        self.record(kind, value)
    }

    /// Writes down a secret that was put together elsewhere.
    pub(super) fn record(&mut self, kind: SecretKind, value: String) -> String {
        self.issued.push(Secret {
            kind,
            value: value.clone(),
        });
        value
    }

    /// Writes down a secret that a client made and this server has seen in its place.
    pub(super) fn witness(&mut self, kind: SecretKind, value: &str) {
        // RFC 7636 §4.1: what is shorter is no verifier, and would be found where it is not meant.
        let known = value.len() < 43 || self.issued.iter().any(|secret| secret.value == value);
        if !known {
            self.record(kind, value.to_owned());
        }
    }

    /// Everything minted so far, in order.
    pub(super) fn issued(&self) -> &[Secret] {
        &self.issued
    }
}

pub(super) const ALPHANUMERIC: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_mints_the_same_secrets() {
        let mint = |seed| Mint::new(seed).secret(SecretKind::RefreshToken, "rt_loginproof_");
        assert_eq!(mint(7), mint(7));
        assert_ne!(mint(7), mint(8));
    }

    #[test]
    fn a_secret_shown_for_debugging_keeps_all_but_four_characters_to_itself() {
        let secret = Secret {
            kind: SecretKind::AuthorizationCode,
            value: "ac_loginproof_abcdefgh".to_owned(),
        };
        assert_eq!(format!("{secret:?}"), "AuthorizationCode(…efgh)");
    }

    #[test]
    fn a_uuid_has_its_shape() {
        let uuid = Mint::new(1).uuid();
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{uuid}");
    }
}
