//! Proof key for code exchange (RFC 7636), both sides: in the ChatGPT device flow the server makes the pair.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::secret::CodeVerifier;

/// A verifier that nobody can guess: 32 random bytes, 43 characters (RFC 7636 §4.1 and §7.1).
pub fn verifier() -> CodeVerifier {
    CodeVerifier::new(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// The S256 challenge of a verifier (RFC 7636 §4.2).
///
/// ```
/// use loginproof_client::oauth::{CodeVerifier, pkce};
/// let verifier = CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
/// assert_eq!(pkce::challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
/// ```
pub fn challenge(verifier: &CodeVerifier) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()))
}

/// Whether a verifier has the form RFC 7636 §4.1 demands: 43 to 128 unreserved characters.
pub fn is_well_formed(verifier: &CodeVerifier) -> bool {
    let text = verifier.expose();
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

/// Whether challenge and verifier belong together.
pub fn matches(verifier: &CodeVerifier, expected: &str) -> bool {
    challenge(verifier) == expected.trim_end_matches('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_must_be_long_enough_and_unreserved() {
        assert!(is_well_formed(&CodeVerifier::new("a".repeat(43))));
        assert!(!is_well_formed(&CodeVerifier::new("a".repeat(42))));
        assert!(!is_well_formed(&CodeVerifier::new(format!(
            "{}+",
            "a".repeat(43)
        ))));
    }

    #[test]
    fn a_made_verifier_is_well_formed_and_new_each_time() {
        let made = verifier();
        assert!(is_well_formed(&made) && made != verifier());
    }

    #[test]
    fn another_challenge_does_not_match() {
        let verifier = CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert!(matches(
            &verifier,
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        ));
        assert!(!matches(
            &verifier,
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN"
        ));
    }
}
