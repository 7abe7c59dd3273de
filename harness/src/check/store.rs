//! The credential file.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use loginproof_mocks::script::TokenState;
use serde_json::Value;

use super::{Finding, excerpt};
use crate::run::evidence::{Evidence, StoreEvidence};
use crate::scenario::model::{StoreCheck, StoreRules, StoreWord};
use crate::target::store::StoredTokens;

pub(super) fn judge(check: &StoreCheck, evidence: &Evidence) -> Finding {
    let Some(store) = &evidence.store else {
        return Finding::Untold("the target names no credential file".to_owned());
    };
    match check {
        StoreCheck::Word(StoreWord::Unchanged) => unchanged(store, evidence),
        StoreCheck::Word(StoreWord::SignedOut) => signed_out(store, evidence),
        StoreCheck::Word(StoreWord::AlwaysWhole) => {
            at_every_moment(store, evidence, "whole JSON", |moment| {
                moment.whole || moment.name != store_name(store)
            })
        }
        StoreCheck::Word(StoreWord::StillLinked) => still_linked(store, evidence),
        StoreCheck::Word(StoreWord::OnlyCopy) => only_copy(store, evidence),
        StoreCheck::Word(StoreWord::AlwaysPrivate) => {
            // Locks and other empty files beside it hold nothing to protect.
            at_every_moment(store, evidence, "not readable by others", |moment| {
                moment.mode & 0o077 == 0 || moment.length == 0
            })
        }
        StoreCheck::Rules(rules) => by_rules(rules, store, evidence),
    }
}

fn store_name(store: &StoreEvidence) -> &str {
    store
        .path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

fn shown(store: &StoreEvidence, evidence: &Evidence) -> Vec<crate::run::event::Excerpt> {
    let text = |bytes: Option<&[u8]>| match bytes {
        None => "(absent)".to_owned(),
        Some(bytes) => serde_json::from_slice::<Value>(bytes)
            .ok()
            .and_then(|value| serde_json::to_string_pretty(&value).ok())
            .unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned()),
    };
    let name = store_name(store);
    let after = store.after.as_ref().map(|(bytes, _)| bytes.as_slice());
    vec![
        excerpt::file(
            evidence,
            &format!("{name} before"),
            &text(store.before.as_deref()),
        ),
        excerpt::file(evidence, &format!("{name} after"), &text(after)),
    ]
}

/// What became of the file: its text before and after where that differs.
pub(super) fn witness(
    store: &StoreEvidence,
    evidence: &Evidence,
) -> Vec<crate::run::event::Excerpt> {
    let name = store_name(store);
    let told = match (&store.before, &store.after) {
        (None, None) => "absent before and after".to_owned(),
        (Some(before), Some((after, mode))) if before == after => {
            format!("the same bytes before and after, mode {mode:04o}")
        }
        _ => return shown(store, evidence),
    };
    vec![excerpt::file(evidence, name, &told)]
}

fn unchanged(store: &StoreEvidence, evidence: &Evidence) -> Finding {
    let after = store.after.as_ref().map(|(bytes, _)| bytes);
    let seen = match (&store.before, after) {
        (None, None) => "still absent",
        (Some(_), None) => "the file is gone",
        (None, Some(_)) => "the file is new",
        (Some(before), Some(after)) if before == after => "unchanged",
        (Some(_), Some(_)) => "the file was rewritten",
    };
    Finding::when(
        store.before.as_ref() == after,
        "the credential file byte for byte as before",
        seen,
        || shown(store, evidence),
    )
}

fn signed_out(store: &StoreEvidence, evidence: &Evidence) -> Finding {
    let after = store.after.as_ref().map(|(bytes, _)| bytes);
    let left = after.is_some_and(|bytes| !store.layout.signed_out(bytes));
    let seen = if left {
        "tokens are still in the file"
    } else {
        "no tokens left"
    };
    Finding::when(
        !left,
        "no credential file, or none with tokens",
        seen,
        || shown(store, evidence),
    )
}

fn still_linked(store: &StoreEvidence, evidence: &Evidence) -> Finding {
    let seen = match (store.linked, &store.after) {
        (true, Some(_)) => "still a link",
        (true, None) => "a link that leads nowhere",
        (false, Some(_)) => "a file of its own took the link's place",
        (false, None) => "the link is gone",
    };
    Finding::when(
        store.linked && store.after.is_some(),
        "the credential file's place still a symbolic link",
        seen,
        || shown(store, evidence),
    )
}

fn only_copy(store: &StoreEvidence, evidence: &Evidence) -> Finding {
    let own = store
        .path
        .canonicalize()
        .unwrap_or_else(|_| store.path.clone());
    let secrets: Vec<&[u8]> = evidence
        .secrets
        .iter()
        .map(|secret| secret.value.as_bytes())
        .collect();
    let holds_one = |bytes: &[u8]| {
        let search = aho_corasick::AhoCorasick::new(&secrets);
        search.is_ok_and(|search| search.is_match(bytes))
    };
    let copies: Vec<String> = evidence
        .files
        .iter()
        .filter(|file| file.absolute != own && file.absolute.parent() == own.parent())
        .filter(|file| file.bytes.as_deref().is_some_and(holds_one))
        .map(|file| file.path.display().to_string())
        .collect();
    Finding::when(
        copies.is_empty(),
        "no token in any other file of the credential file's folder",
        match copies.is_empty() {
            true => "no copy".to_owned(),
            false => format!("tokens in {}", copies.join(", ")),
        },
        || shown(store, evidence),
    )
}

fn at_every_moment(
    store: &StoreEvidence,
    evidence: &Evidence,
    what: &str,
    right: impl Fn(&crate::run::evidence::Moment) -> bool,
) -> Finding {
    let Some(moments) = &store.moments else {
        return Finding::Untold("changes of a file cannot be watched on this system".to_owned());
    };
    match moments.iter().find(|moment| !right(moment)) {
        None => Finding::Holds(format!("{} changes seen, each {what}", moments.len())),
        Some(moment) => {
            let seen = format!(
                "{} {:.3} s after the start: {} bytes, mode {:04o}",
                moment.name,
                moment.at.as_secs_f64(),
                moment.length,
                moment.mode
            );
            Finding::broken(
                format!("{what} at every moment"),
                seen,
                shown(store, evidence),
            )
        }
    }
}

fn by_rules(rules: &StoreRules, store: &StoreEvidence, evidence: &Evidence) -> Finding {
    let Some((bytes, mode)) = &store.after else {
        return Finding::broken("a credential file", "there is none", shown(store, evidence));
    };
    let Ok(file) = serde_json::from_slice::<Value>(bytes) else {
        return Finding::broken(
            "a credential file that is JSON",
            format!("{} bytes that are not", bytes.len()),
            shown(store, evidence),
        );
    };
    let tokens = store.layout.read(bytes).unwrap_or_default();
    let describe = |token: Option<&String>, access: bool| match token {
        None => (TokenState::None, None),
        Some(token) => {
            let seen = if access {
                evidence.authorization.describe_access(token)
            } else {
                evidence.authorization.describe_refresh(token)
            };
            (seen.state, seen.generation)
        }
    };
    let (access, _) = describe(tokens.access.as_ref(), true);
    let (refresh, generation) = describe(tokens.refresh.as_ref(), false);
    let mut wrong = Vec::new();
    let mut wanted = Vec::new();
    let mut expect = |what: &str, wants: Option<String>, has: String| {
        if let Some(wants) = wants {
            if wants != has {
                wrong.push(format!("{what} is {has}"));
            }
            wanted.push(format!("{what} {wants}"));
        }
    };
    expect(
        "access token",
        rules.access.map(excerpt::word),
        excerpt::word(access),
    );
    expect(
        "refresh token",
        rules.refresh.map(excerpt::word),
        excerpt::word(refresh),
    );
    expect(
        "generation",
        rules.refresh_generation.map(|number| number.to_string()),
        generation.map_or("unknown".to_owned(), |number| number.to_string()),
    );
    let known = evidence.authorization.accounts();
    let number = |id: &String| known.iter().position(|known| known.id == *id);
    expect(
        "account",
        rules.account.map(|number| number.to_string()),
        match tokens.account.as_ref() {
            None => "none".to_owned(),
            Some(id) => number(id).map_or_else(|| id.clone(), |index| (index + 1).to_string()),
        },
    );
    expect(
        "number of accounts",
        rules.accounts.map(|number| number.to_string()),
        accounts(bytes, store, evidence).to_string(),
    );
    expect("mode", rules.mode.clone(), format!("{mode:04o}"));
    for (pointer, value) in &rules.fields {
        expect(
            pointer,
            Some(value.to_string()),
            file.pointer(pointer)
                .map_or("absent".to_owned(), Value::to_string),
        );
    }
    Finding::when(
        wrong.is_empty(),
        wanted.join(", "),
        if wrong.is_empty() {
            wanted.join(", ")
        } else {
            wrong.join(", ")
        },
        || shown(store, evidence),
    )
}

/// Whose tokens a file holds: so many different accounts.
fn accounts(bytes: &[u8], store: &StoreEvidence, evidence: &Evidence) -> usize {
    let entries = store.layout.entries(bytes).unwrap_or_default();
    let of = |tokens: &StoredTokens| {
        let access = tokens.access.iter();
        let access = access.map(|token| evidence.authorization.describe_access(token));
        let refresh = tokens.refresh.iter();
        let refresh = refresh.map(|token| evidence.authorization.describe_refresh(token));
        access.chain(refresh).find_map(|seen| seen.account)
    };
    let accounts: BTreeSet<String> = entries.iter().filter_map(of).collect();
    accounts.len()
}

/// Mode bits of a file, as a check compares them.
#[must_use]
pub fn mode_of(meta: &std::fs::Metadata) -> u32 {
    meta.permissions().mode() & 0o7777
}
