//! RFC 7636, Proof Key for Code Exchange.

use super::outside::{CHALLENGE, Outside, VERIFIER, changed, query};

/// Appendix B: verifier and challenge of the example belong together.
#[tokio::test]
async fn the_example_of_appendix_b_is_accepted() {
    let outside = Outside::new().await;
    let code = outside.code().await;
    let reply = outside
        .exchange(&code, &[("code_verifier", VERIFIER)])
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

/// §4.6: values that are not equal bring invalid_grant, and the code stays good for its owner.
#[tokio::test]
async fn another_verifier_is_refused() {
    let outside = Outside::new().await;
    let code = outside.code().await;
    let upper = VERIFIER.to_uppercase();
    let padded = format!("{VERIFIER}=");
    for verifier in [CHALLENGE, &upper, &padded, "short"] {
        outside
            .exchange(&code, &[("code_verifier", verifier)])
            .await
            .is_refused("invalid_grant");
    }
    assert_eq!(outside.exchange(&code, &[]).await.status, 200);
}

/// §4.5: code_verifier is required where the request had a challenge.
#[tokio::test]
async fn a_verifier_cannot_be_left_out() {
    let outside = Outside::new().await;
    let code = outside.code().await;
    let reply = outside.exchange(&code, &[("code_verifier", "")]).await;
    assert_eq!(reply.status, 400, "{reply:?}");
    assert!(["invalid_grant", "invalid_request"].contains(&reply.word("error").as_str()));
}

/// §4.4.1: no challenge, or a transformation that is not supported, is invalid_request. What a missing method means is
/// plain (§4.3), and this server supports S256 alone, as its metadata says.
#[tokio::test]
async fn a_request_without_s256_is_refused() {
    let outside = Outside::new().await;
    for (name, value) in [
        ("code_challenge", ""),
        ("code_challenge_method", "plain"),
        ("code_challenge_method", ""),
        ("code_challenge_method", "S512"),
        ("code_challenge", "tooshort"),
    ] {
        let reply = outside.authorize(&changed(name, value)).await;
        let location = reply.header("location");
        assert_eq!(
            query(location, "error").as_deref(),
            Some("invalid_request"),
            "{name}={value}: {reply:?}"
        );
        assert_eq!(query(location, "code"), None);
    }
}

/// §4.1: a verifier has 43 to 128 unreserved characters; §4.2: S256 is the base64url of its hash, without padding. In
/// ChatGPT's device flow the server makes the pair.
#[tokio::test]
async fn the_servers_own_pair_is_a_pair() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let outside = Outside::new().await;
    let approval = super::chatgpt::approved(&outside).await;
    let verifier = approval["code_verifier"].as_str().unwrap();
    assert!((43..=128).contains(&verifier.len()), "{verifier}");
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    assert!(verifier.bytes().all(unreserved), "{verifier}");
    let hash = sha2::Sha256::digest(verifier.as_bytes());
    let expected = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(hash);
    assert_eq!(approval["code_challenge"], expected.as_str());
}
