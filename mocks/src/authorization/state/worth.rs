//! What an access token is good for besides asking models: the token that a sign-in at GitHub buys for Copilot's own
//! API, and what Google says of a token.

use std::time::SystemTime;

use super::{AuthorizationState, Lifetime};
use crate::authorization::account::Account;
use crate::authorization::jwt::unix_ceil;
use crate::authorization::secret::SecretKind;
use crate::script::TokenState;

/// A token for Copilot.
pub(crate) struct CopilotToken {
    pub(crate) value: String,
    /// Unix seconds.
    pub(crate) expires_at: u64,
    /// Seconds after which a program should get the next one.
    pub(crate) refresh_in: u64,
}

/// What is known of a good access token.
pub(crate) struct TokenInfo {
    pub(crate) client_id: String,
    pub(crate) scope: String,
    pub(crate) account: Account,
    /// Unix seconds.
    pub(crate) expires_at: u64,
}

impl AuthorizationState {
    pub(in crate::authorization) fn token_info(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Option<TokenInfo> {
        if self.describe_access(token, now).state != TokenState::Live {
            return None;
        }
        let family = &self.families[*self.owners.get(token)?];
        Some(TokenInfo {
            client_id: family.grant().client_id.clone(),
            scope: family.grant().scope.clone(),
            account: family.account().clone(),
            expires_at: family.expiry(token).map(unix_ceil)?,
        })
    }

    pub(in crate::authorization) fn copilot_token(
        &mut self,
        token: &str,
        now: SystemTime,
    ) -> Option<CopilotToken> {
        if self.describe_access(token, now).state != TokenState::Live {
            return None;
        }
        let index = *self.owners.get(token)?;
        let life = self.options.access_life.0;
        let expires_at = unix_ceil(now + life);
        let value = self.families[index].issue_copilot(Lifetime::from(now, life), &mut self.mint);
        self.owners.insert(value.clone(), index);
        Some(CopilotToken {
            value,
            expires_at,
            // Five sixths, as the vendor's 1500 of 1800.
            refresh_in: life.as_secs() * 5 / 6,
        })
    }

    /// An API key, which is good for ever.
    pub(in crate::authorization) fn sell_key(&mut self, prefix: &str) -> String {
        let key = self.mint.secret(SecretKind::AccessToken, prefix);
        self.api_keys.insert(key.clone());
        key
    }

    pub(in crate::authorization) fn is_api_key(&self, key: &str) -> bool {
        let ours = || self.secrets().iter().any(|known| known.value == key);
        self.api_keys.contains(key) || !(key.is_empty() || key.starts_with("eyJ") || ours())
    }

    pub(in crate::authorization) fn scope_of(&self, token: &str) -> String {
        self.owners.get(token).map_or_else(String::new, |&family| {
            self.families[family].grant().scope.clone()
        })
    }
}
