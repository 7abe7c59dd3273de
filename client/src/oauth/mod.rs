//! OAuth without I/O: the device flow as a state machine, the token endpoint as values, and what errors mean.

pub mod device_flow;
pub mod jwt;
pub mod pkce;
mod poll_answer;
pub mod refusal;
mod secret;
mod sign_in_error;
pub mod token;
mod user_code;

pub use secret::{
    AccessToken, AuthorizationCode, CodeVerifier, DeviceAuthId, IdToken, RefreshToken,
};
pub use sign_in_error::SignInError;
