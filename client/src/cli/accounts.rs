//! `accounts` and `models`.

use std::time::SystemTime;

use serde_json::json;

use super::{Exit, Program};
use crate::failure::text::moment;
use crate::oauth::jwt::Claims;
use crate::session::{AccountState, Freshness};

impl Program {
    pub(super) fn accounts(&self) -> Exit {
        let now = SystemTime::now();
        let listed = self.session.accounts().and_then(|accounts| {
            let providers = self.session.providers()?;
            Ok((accounts, providers))
        });
        let (accounts, providers) = match listed {
            Ok(listed) => listed,
            Err(error) => {
                let hint = self.sign_in_hint();
                self.output
                    .failed(None, &error.to_string(), None, Exit::Store, "", Some(&hint));
                return Exit::Store;
            }
        };
        for (n, account) in accounts.iter().enumerate() {
            self.account(n + 1, account, now);
        }
        for provider in &providers {
            self.output
                .event(&json!({ "type": "account", "provider": provider }));
            if !self.output.json {
                self.output
                    .line(&format!("-  {provider}: tokens are stored"));
            }
        }
        if !accounts.is_empty() || !providers.is_empty() {
            return Exit::Success;
        }
        self.output.note(&format!(
            "No accounts. Sign in with: {}",
            self.options.sign_in_command()
        ));
        Exit::SignInNeeded
    }

    fn account(&self, number: usize, account: &AccountState, now: SystemTime) {
        let credentials = &account.credentials;
        let claims = credentials
            .id
            .as_ref()
            .and_then(|id| Claims::read(id.expose()))
            .unwrap_or_default();
        let expired =
            credentials.access.is_empty() || credentials.freshness(now) == Freshness::Expired;
        let renewable = account.dead.is_none() && !credentials.refresh.is_empty();
        let (state, why) = match (&account.dead, &account.exhausted) {
            (Some(dead), _) => ("dead", format!("dead: {dead}")),
            (None, Some(exhausted)) => (
                "exhausted",
                format!(
                    "used up ({}) until {}",
                    exhausted.class,
                    moment(exhausted.until, now)
                ),
            ),
            (None, None) if expired && !renewable => ("expired", "expired".to_owned()),
            (None, None) => ("usable", "usable".to_owned()),
        };
        let until = account.exhausted.as_ref().map(|exhausted| {
            let since = exhausted.until.duration_since(SystemTime::UNIX_EPOCH);
            since.map_or(0, |d| d.as_secs())
        });
        self.output.event(&json!({
            "type": "account", "provider": "chatgpt", "number": number, "account_id": credentials.account_id(),
            "email": claims.email, "plan": claims.plan, "state": state, "until": until,
        }));
        if self.output.json {
            return;
        }
        let name = claims.email.or_else(|| credentials.account_id());
        let name = name.unwrap_or_else(|| "an unnamed account".to_owned());
        let name = crate::redact::one_line(&name, 120);
        self.output.line(&format!("{number}  {name}: {why}"));
    }

    pub(super) async fn models(&self) -> Exit {
        let models = match self.session.models().await {
            Ok(models) => models,
            Err(error) => return self.unanswered(0, &error),
        };
        for model in &models {
            self.output
                .event(&json!({ "type": "model", "slug": model.slug, "name": model.name }));
            if !self.output.json {
                self.output.line(&model.slug);
            }
        }
        if models.is_empty() {
            self.output
                .note("The server lists no models for this account");
        }
        Exit::Success
    }
}
