//! OAuth without I/O: the device flows as state machines, the token endpoint as values, and what errors mean.

pub mod authorization_code;
pub mod device_flow;
pub mod device_grant;
mod grant_answer;
pub mod jwt;
pub mod metadata;
pub(crate) mod patience;
pub mod pkce;
mod poll_answer;
pub mod provider;
pub mod refusal;
mod secret;
mod sign_in_error;
pub mod token;
mod user_code;

pub use secret::{
    AccessToken, ApiKey, AuthorizationCode, CodeVerifier, DeviceAuthId, DeviceCode, IdToken,
    RefreshToken,
};
pub use sign_in_error::SignInError;
