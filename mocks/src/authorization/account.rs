//! The people who can sign in: who they are, and what their tokens say of them.

/// One account of the vendor. Nothing here is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The workspace, claim `chatgpt_account_id`; shaped like a UUID.
    pub id: String,
    /// The person, claim `chatgpt_user_id`.
    pub user_id: String,
    /// Claim `email`, and what the page calls the account.
    pub email: String,
    /// Claim `chatgpt_plan_type`.
    pub plan: String,
    /// Claim `name` (OpenID Connect Core §5.1).
    pub name: String,
}

impl Account {
    /// The n-th account of a server, counted from 1. Equal on every run, so that reports can be compared.
    pub(super) fn numbered(number: usize, email: &str, plan: &str) -> Self {
        Self {
            id: format!("10610000-9800-4f00-8000-{number:012}"),
            user_id: format!("user-loginproof-{number:04}"),
            email: email.to_owned(),
            plan: plan.to_owned(),
            name: FIRST_NAME.to_owned(),
        }
    }

    /// Another person of the same workspace.
    pub(super) fn colleague(&self, number: usize, email: &str) -> Self {
        Self {
            id: self.id.clone(),
            ..Self::numbered(number, email, &self.plan)
        }
    }

    /// Whether this is the id of the n-th account of a server.
    pub(crate) fn is_number(id: &str, number: u32) -> bool {
        id.ends_with(&format!("-{number:012}"))
    }

    /// The person within the workspace, claim `chatgpt_account_user_id`.
    pub(super) fn account_user_id(&self) -> String {
        format!("{}__{}", self.user_id, self.id)
    }
}

/// The account every server starts with.
pub(super) const FIRST_EMAIL: &str = "person@loginproof.example";
/// What people are called who are not given a name.
pub(super) const FIRST_NAME: &str = "Loginproof Person";
/// Its plan.
pub(super) const FIRST_PLAN: &str = "plus";
