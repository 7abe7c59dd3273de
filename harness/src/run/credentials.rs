//! Credentials that are there before the first step: in the program's own file, in those of other programs, or as a
//! bare token.

use std::path::{Path, PathBuf};
use std::time::Duration;

use loginproof_mocks::authorization::{AuthorizationServer, TokenSet};
use serde_json::Value;

use crate::scenario::Scenario;
use crate::scenario::model::Credentials;
use crate::target::placeholders::Placeholders;
use crate::target::store::{Layout, set};
use crate::target::{Flow, Target};

/// How long ago tokens were refreshed, when the scenario does not say.
const REFRESHED: Duration = Duration::from_secs(3600);

/// What is seeded for a scenario.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    /// The access token of the first account, for programs that take a bare one.
    pub(super) access_token: Option<String>,
    /// Files with their content and mode.
    pub(super) files: Vec<SeededFile>,
    /// Content of the program's own credential file, if it is among them.
    pub(super) own: Option<Vec<u8>>,
}

/// A credential file as the program finds it.
#[derive(Debug)]
pub(super) struct SeededFile {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) mode: u32,
}

impl Seeds {
    /// Mints what the scenario starts from. `own` is the program's credential file, if it has a known one.
    pub(super) fn mint(
        scenario: &Scenario,
        target: &Target,
        own: Option<(&Path, &Layout)>,
        placeholders: &Placeholders,
        server: &AuthorizationServer,
    ) -> Self {
        let Some(credentials) = &scenario.credentials else {
            return Self::default();
        };
        let mut seeds = Self::default();
        for (name, pair) in &credentials.imports {
            let Some(import) = target.imports.get(name) else {
                continue;
            };
            let mut tokens = server.seed(
                pair.access,
                pair.refresh,
                pair.expires_in.map(|span| span.0),
            );
            if let Some(text) = &pair.access_text {
                tokens.access_token.clone_from(text);
            }
            if let Some(text) = &pair.refresh_text {
                tokens.refresh_token.clone_from(text);
            }
            seeds.files.push(SeededFile {
                path: PathBuf::from(placeholders.fill(&import.path)),
                bytes: pretty(&import.layout.seed(&tokens, REFRESHED)),
                mode: 0o600,
            });
        }
        if credentials.absent {
            return seeds;
        }
        let accounts = accounts(credentials, server);
        seeds.access_token = accounts.first().map(|tokens| tokens.access_token.clone());
        if let Some((path, layout)) = own {
            let bytes = content(credentials, layout, &accounts);
            let mode = credentials.mode.as_deref();
            seeds.own = Some(bytes.clone());
            seeds.files.push(SeededFile {
                path: path.to_owned(),
                bytes,
                mode: mode
                    .and_then(|mode| u32::from_str_radix(mode, 8).ok())
                    .unwrap_or(0o600),
            });
        }
        seeds
    }
}

/// The way in which a scenario signs in, which says where tokens end up.
pub(super) fn flow(scenario: &Scenario) -> Flow {
    let logins = scenario
        .all_steps()
        .into_iter()
        .filter_map(|step| step.login.as_ref());
    logins.map(|login| login.flow).next().unwrap_or_default()
}

/// Every file of a program that may hold tokens.
pub(super) fn files(target: &Target, placeholders: &Placeholders) -> Vec<PathBuf> {
    target
        .credential_files()
        .map(|path| PathBuf::from(placeholders.fill(path)))
        .collect()
}

fn accounts(credentials: &Credentials, server: &AuthorizationServer) -> Vec<TokenSet> {
    let mut first = server.seed(
        credentials.access,
        credentials.refresh,
        credentials.expires_in.map(|span| span.0),
    );
    if let Some(account) = &credentials.account {
        first.account_id.clone_from(account);
    }
    let further = credentials.pool.iter().enumerate().map(|(index, pair)| {
        let email = format!("person{}@loginproof.example", index + 2);
        let account = match pair.colleague {
            true => server.add_colleague(&email),
            false => server.add_account(&email, "plus"),
        };
        let life = pair.expires_in.map(|span| span.0);
        server.seed_for(&account, pair.access, pair.refresh, life)
    });
    std::iter::once(first).chain(further).collect()
}

fn content(credentials: &Credentials, layout: &Layout, accounts: &[TokenSet]) -> Vec<u8> {
    let refreshed = credentials.refreshed.map_or(REFRESHED, |span| span.0);
    let several = (accounts.len() > 1)
        .then(|| layout.seed_pool(accounts, refreshed))
        .flatten();
    let mut file = several.unwrap_or_else(|| layout.seed(&accounts[0], refreshed));
    for (pointer, value) in &credentials.extra {
        set(&mut file, pointer, value.clone());
    }
    let mut bytes = match &credentials.text {
        Some(text) => text.clone().into_bytes(),
        None => pretty(&file),
    };
    if let Some(cut) = credentials.cut {
        bytes.truncate(cut);
    }
    bytes
}

fn pretty(file: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(file).unwrap_or_default()
}
