//! Proof Key for Code Exchange (RFC 7636). In the vendor's device flow the server makes the pair.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::secret::{ALPHANUMERIC, Mint, SecretKind};

/// A verifier and its S256 challenge.
pub(super) struct PkcePair {
    pub(super) verifier: String,
    pub(super) challenge: String,
}

impl PkcePair {
    /// A fresh pair. Its verifier is longer than the usual 43 characters, and holds the two unreserved
    /// characters that a careless form encoder changes.
    pub(super) fn mint(mint: &mut Mint) -> Self {
        // RFC 7636 §4.1: 43 to 128 characters out of letters, digits, `-`, `.`, `_`, `~`.
        let verifier = format!("loginproof-verifier.~_{}", mint.text(ALPHANUMERIC, 43));
        let verifier = mint.record(SecretKind::CodeVerifier, verifier);
        let challenge = challenge(&verifier);
        Self {
            verifier,
            challenge,
        }
    }
}

/// RFC 7636 §4.2: S256 is the unpadded base64url of the SHA-256 of the verifier's ASCII.
pub(super) fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_agrees_with_the_example_of_rfc_7636_appendix_b() {
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn a_minted_verifier_keeps_to_the_alphabet_and_length_of_rfc_7636_section_4_1() {
        let pair = PkcePair::mint(&mut Mint::new(3));
        assert!((43..=128).contains(&pair.verifier.len()));
        assert!(
            pair.verifier
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)),
            "{}",
            pair.verifier
        );
        assert_eq!(pair.challenge, challenge(&pair.verifier));
    }
}
