//! Secrets as types: they cannot be printed by accident, and `Debug` shows no more than their end.

use std::fmt;

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// Wraps a secret.
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }

            /// The secret itself, for the wire and the store.
            pub fn expose(&self) -> &str {
                &self.0
            }

            /// Whether there is nothing in it.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                debug(f, stringify!($name), &self.0)
            }
        }
    };
}

secret!(
    /// The bearer token of API requests.
    ///
    /// ```
    /// let token = loginproof_client::oauth::AccessToken::new("at_loginproof_0123456789");
    /// assert_eq!(format!("{token:?}"), "AccessToken(…6789)");
    /// ```
    AccessToken
);
secret!(
    /// The single-use token that buys the next pair.
    RefreshToken
);
secret!(
    /// The token that says who signed in.
    IdToken
);
secret!(
    /// The key of an API that knows no sign-in.
    ApiKey
);
secret!(
    /// What approval hands out, to be exchanged once.
    AuthorizationCode
);
secret!(
    /// The PKCE verifier: of this client's making, or of the server's (ChatGPT device flow).
    CodeVerifier
);
secret!(
    /// The handle of a device sign-in. Only the user code is for people.
    DeviceAuthId
);
secret!(
    /// The handle of a device sign-in (RFC 8628 §3.2). §3.3: it is not shown to people.
    DeviceCode
);

impl From<&str> for ApiKey {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

fn debug(f: &mut fmt::Formatter<'_>, kind: &str, value: &str) -> fmt::Result {
    let count = value.chars().count();
    // Four characters of a short secret would be too large a part of it.
    let tail: String = if count >= 16 {
        value.chars().skip(count - 4).collect()
    } else {
        String::new()
    };
    write!(f, "{kind}(…{tail})")
}
