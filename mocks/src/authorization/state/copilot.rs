//! The token that a sign-in at GitHub buys for Copilot's own API.

use std::time::SystemTime;

use super::{AuthorizationState, Lifetime};
use crate::authorization::jwt::unix_ceil;
use crate::script::TokenState;

/// A token for Copilot.
pub(crate) struct CopilotToken {
    pub(crate) value: String,
    /// Unix seconds.
    pub(crate) expires_at: u64,
    /// Seconds after which a program should get the next one.
    pub(crate) refresh_in: u64,
}

impl AuthorizationState {
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

    pub(in crate::authorization) fn scope_of(&self, token: &str) -> String {
        self.owners.get(token).map_or_else(String::new, |&family| {
            self.families[family].grant().scope.clone()
        })
    }
}
