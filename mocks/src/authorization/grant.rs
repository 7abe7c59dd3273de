//! What was granted: by which provider, to which client, for what.

use super::profile::Profile;

/// The terms under which tokens are minted.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) profile: &'static Profile,
    pub(super) client_id: String,
    /// Scopes with blanks between them, as RFC 6749 §3.3 writes them.
    pub(super) scope: String,
    /// Claim `iss`, without the slash that the vendor ends it with.
    pub(super) issuer: String,
    /// Tokens that a scenario starts from belong to whichever provider is shown them first.
    pub(super) anybodys: bool,
}

impl Grant {
    /// The grant of a client that asked for `scope`, or for the usual.
    pub(super) fn to(
        profile: &'static Profile,
        client_id: &str,
        scope: Option<&str>,
        issuer: &str,
    ) -> Self {
        Self {
            profile,
            client_id: client_id.to_owned(),
            scope: scope.unwrap_or(profile.scope).to_owned(),
            issuer: issuer.to_owned(),
            anybodys: false,
        }
    }

    /// Whether a provider and a client are those it was given to. RFC 6749 §10.4: a refresh token is bound to its client.
    pub(super) fn is_of(&self, profile: &Profile, client_id: &str) -> bool {
        self.anybodys || (self.profile == profile && self.client_id == client_id)
    }

    /// RFC 6749 §6: no scope beyond what was granted; of what is anybody's, what the provider usually grants.
    pub(super) fn covers(&self, profile: &Profile, scope: &str) -> bool {
        let granted = if self.anybodys {
            profile.scope
        } else {
            &self.scope
        };
        covers(granted, scope)
    }
}

/// Whether every scope of one list is in another.
pub(super) fn covers(granted: &str, asked: &str) -> bool {
    asked
        .split_whitespace()
        .all(|one| granted.split(' ').any(|granted| granted == one))
}

/// RFC 6749 §3.3: scope-token is `%x21 / %x23-5B / %x5D-7E`, with one blank between two.
pub(super) fn is_scope(text: &str) -> bool {
    text.split(' ').all(|token| {
        !token.is_empty()
            && token
                .bytes()
                .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_keeps_to_the_characters_of_rfc_6749_section_3_3() {
        assert!(is_scope("openid inference:invoke"));
        for scope in ["", "a  b", " a", "a\"b", "a\\b", "é", "a\nb"] {
            assert!(!is_scope(scope), "{scope:?}");
        }
    }

    #[test]
    fn a_part_of_what_was_granted_is_covered_and_more_is_not() {
        assert!(covers("openid profile email", "email openid"));
        assert!(!covers("openid profile", "openid admin"));
    }
}
