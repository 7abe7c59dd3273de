use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use loginproof_mocks::authorization::TokenSet;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn layout(format: &str, provider: Option<&str>) -> Layout {
    let store = StoreFile {
        path: "x".into(),
        format: Some(format.into()),
        provider: provider.map(str::to_owned),
        ..StoreFile::default()
    };
    store.layout().unwrap()
}

/// Every shape of a file there is.
fn layouts() -> Vec<(String, Layout)> {
    let mut all: Vec<(String, Layout)> = FORMATS
        .map(|format| (format.name.to_owned(), layout(format.name, None)))
        .into();
    for (format, provider) in [
        ("hermes", "nous"),
        ("hermes", "xai-oauth"),
        ("hermes-pool", "nous"),
        ("opencode", "github-copilot"),
        ("pi", "xai"),
        ("loginproof", "nous"),
    ] {
        all.push((
            format!("{format} {provider}"),
            layout(format, Some(provider)),
        ));
    }
    let described = StoreFile {
        path: "x".into(),
        access: Some("/a/b~1c".into()),
        refresh: Some("/r".into()),
        expires: Some("/e".into()),
        template: Some("{\"kept\": [1]}".into()),
        ..StoreFile::default()
    };
    all.push(("pointers".to_owned(), described.layout().unwrap()));
    all
}

/// Tokens of an account; the access token names it in its claims, as ChatGPT's do.
fn tokens(account: &str, generation: u32) -> TokenSet {
    let claims = json!({ "https://api.openai.com/auth": { "chatgpt_account_id": account } });
    TokenSet {
        access_token: format!(
            "e30.{}.{generation}",
            URL_SAFE_NO_PAD.encode(claims.to_string())
        ),
        refresh_token: format!("loginproof-refresh-{account}-{generation}"),
        id_token: format!("loginproof-id-{account}-{generation}"),
        account_id: account.to_owned(),
        expires_at: SystemTime::UNIX_EPOCH
            + Duration::from_secs(2_000_000_000 + u64::from(generation)),
    }
}

fn bytes(file: &Value) -> Vec<u8> {
    file.to_string().into_bytes()
}

fn agrees(read: &StoredTokens, tokens: &TokenSet) -> bool {
    let or_absent =
        |read: &Option<String>, wrote: &str| read.as_deref().is_none_or(|read| read == wrote);
    read.access.as_deref() == Some(&tokens.access_token)
        && read.refresh.as_deref() == Some(&tokens.refresh_token)
        && or_absent(&read.id, &tokens.id_token)
        && or_absent(&read.account, &tokens.account_id)
        && read.expires.is_none_or(|at| at == tokens.expires_at)
}

/// Every leaf of a document with its pointer.
fn leaves(value: &Value, at: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                leaves(
                    value,
                    &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (index, value) in list.iter().enumerate() {
                leaves(value, &format!("{at}/{index}"), found);
            }
        }
        leaf => found.push((at.to_owned(), leaf.clone())),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(account in "[a-z0-9-]{1,20}", generation in 0_u32..1000) {
        for (name, layout) in layouts() {
            let tokens = tokens(&account, generation);
            let file = layout.seed(&tokens, Duration::from_secs(60));
            let read = layout.read(&bytes(&file)).unwrap();
            prop_assert!(agrees(&read, &tokens), "{}: {:?}", name, file);
            prop_assert!(!layout.signed_out(&bytes(&file)), "{}", name);
        }
    }

    #[test]
    fn another_pair_changes_the_account_it_belongs_to_and_nothing_else(
        accounts in proptest::collection::btree_set("[a-z]{3,8}", 1..4),
        chosen in any::<prop::sample::Index>(),
        extra in "[a-z]{1,8}",
    ) {
        let accounts: Vec<TokenSet> = accounts.iter().map(|account| tokens(account, 1)).collect();
        let chosen = chosen.index(accounts.len());
        for (name, layout) in layouts() {
            let several = layout.seed_pool(&accounts, Duration::ZERO);
            prop_assert_eq!(several.is_some(), layout.holds_several());
            let (mut file, own) = match several {
                Some(file) => (file, chosen),
                None => (layout.seed(&accounts[chosen], Duration::ZERO), 0),
            };
            set(&mut file, &format!("/extra~1{extra}/0"), 7.into());
            let before = layout.entries(&bytes(&file)).unwrap();
            let next = tokens(&accounts[chosen].account_id, 2);
            let mut after = file.clone();
            layout.replace(&mut after, &next);
            let read = layout.entries(&bytes(&after)).unwrap();
            prop_assert_eq!(read.len(), before.len(), "{}", name);
            for (index, (read, before)) in read.iter().zip(&before).enumerate() {
                let right = if index == own { agrees(read, &next) } else { read == before };
                prop_assert!(right, "{}: account {} of {}", name, index, after);
            }
            let (mut old, mut new) = (Vec::new(), Vec::new());
            leaves(&file, "", &mut old);
            leaves(&after, "", &mut new);
            let places = |leaves: &[(String, Value)]| leaves.iter().map(|(at, _)| at.clone()).collect::<Vec<_>>();
            prop_assert_eq!(places(&old), places(&new), "{}", name);
            let changed = old.iter().zip(&new).filter(|(old, new)| old != new).count();
            prop_assert!(changed <= 6, "{}: {} members changed", name, changed);
        }
    }

    #[test]
    fn no_file_is_too_strange_to_be_read(text in "\\PC{0,60}", number in any::<f64>()) {
        for (_, layout) in layouts() {
            drop(layout.entries(text.as_bytes()));
            let mut file = layout.seed(&tokens("a", 1), Duration::ZERO);
            let mut places = Vec::new();
            leaves(&file, "", &mut places);
            for (at, _) in &places {
                set(&mut file, at, json!(number));
            }
            prop_assert!(layout.signed_out(&bytes(&file)));
        }
    }
}

#[test]
fn a_file_without_tokens_means_signed_out() {
    for (name, layout) in layouts() {
        assert!(layout.signed_out(b"{}"), "{name}");
        assert!(layout.signed_out(b"{"), "{name}");
        let empty = TokenSet {
            access_token: String::new(),
            refresh_token: String::new(),
            ..tokens("a", 1)
        };
        let file = layout.seed(&empty, Duration::ZERO);
        assert!(layout.signed_out(&bytes(&file)), "{name}");
        let read = layout.read(&bytes(&file)).unwrap();
        assert_eq!((read.access, read.refresh), (None, None), "{name}");
    }
}

#[test]
fn a_sign_in_that_the_pool_mirrors_is_one_account_and_is_replaced_in_both_places() {
    let layout = layout("hermes", None);
    let mut file = layout.seed(&tokens("a", 1), Duration::ZERO);
    let pooled = layout
        .seed_pool(&[tokens("a", 1), tokens("b", 1)], Duration::ZERO)
        .unwrap();
    set(
        &mut file,
        "/credential_pool",
        pooled["credential_pool"].clone(),
    );
    set(
        &mut file,
        "/credential_pool/openai-codex/1/last_status",
        "dead".into(),
    );
    let entries = layout.entries(&bytes(&file)).unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1].status.as_deref(), Some("dead"));
    layout.replace(&mut file, &tokens("a", 2));
    let refresh = Value::from("loginproof-refresh-a-2");
    assert_eq!(
        file.pointer("/providers/openai-codex/tokens/refresh_token"),
        Some(&refresh)
    );
    assert_eq!(
        file.pointer("/credential_pool/openai-codex/0/refresh_token"),
        Some(&refresh)
    );
}

#[test]
fn files_look_as_the_programs_write_them() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_001);
    let set = TokenSet {
        access_token: "A".into(),
        refresh_token: "R".into(),
        id_token: "I".into(),
        account_id: "acc".into(),
        expires_at: time,
    };
    let ms = 2_000_000_001_000_u64;
    let seeded = |format, provider| layout(format, provider).seed(&set, Duration::ZERO);
    let entry = json!({ "type": "oauth", "access": "A", "refresh": "R", "expires": ms, "accountId": "acc" });
    assert_eq!(seeded("opencode", None), json!({ "openai": entry }));
    assert_eq!(seeded("pi", None), json!({ "openai-codex": entry }));
    assert_eq!(seeded("claude", None)["claudeAiOauth"]["expiresAt"], ms);
    assert_eq!(seeded("gemini", None)["expiry_date"], ms);
    assert_eq!(seeded("qwen", None)["access_token"], "A");
    let nous = seeded("hermes", Some("nous"));
    assert_eq!(
        nous["providers"]["nous"]["expires_at"],
        "2033-05-18T03:33:21Z"
    );
    assert_eq!(nous["active_provider"], "nous");
    let codex = seeded("hermes", None);
    assert_eq!(
        codex["providers"]["openai-codex"]["tokens"],
        json!({ "access_token": "A", "refresh_token": "R" })
    );
    let pool = seeded("hermes-pool", None);
    assert_eq!(pool["credential_pool"]["openai-codex"][0]["id"], "ac0001");
}

#[test]
fn the_reference_client_finds_its_first_account_at_the_root() {
    let accounts = [tokens("a", 1), tokens("b", 1)];
    let file = layout("loginproof", None)
        .seed_pool(&accounts, Duration::ZERO)
        .unwrap();
    assert_eq!(file["tokens"]["account_id"], "a");
    assert_eq!(file["pool"][0]["tokens"]["account_id"], "b");
    assert_eq!(file["pool"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_store_that_cannot_be_says_what_is_wrong() {
    let store = |format: Option<&str>, provider: Option<&str>| StoreFile {
        path: "x".into(),
        format: format.map(str::to_owned),
        provider: provider.map(str::to_owned),
        ..StoreFile::default()
    };
    let error = store(None, None).layout().unwrap_err();
    assert!(error.contains("`access`"), "{error}");
    let error = store(Some("kodex"), None).layout().unwrap_err();
    assert!(error.contains("codex, hermes, hermes-pool"), "{error}");
    let error = store(Some("codex"), Some("nous")).layout().unwrap_err();
    assert!(error.contains("leave out `provider`"), "{error}");
}
