//! Chat Completions for programs that know nothing else: their request as a Responses request, the response as their
//! answer.
//!
//! ```
//! use loginproof_client::responses::{Reader, translate};
//! use serde_json::json;
//!
//! let chat = json!({ "model": "m", "messages": [{ "role": "user", "content": "Say hello." }] });
//! let asked = translate::request(&chat, "m")?;
//! assert_eq!(asked.body["input"][0]["content"][0]["text"], "Say hello.");
//!
//! let mut reader = Reader::default();
//! reader.feed(b"data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":\"Hi\"}\n\n\
//!     data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[]}}\n\n")?;
//! let response = reader.finish().expect("the stream had its terminal event");
//! let answer = translate::answer(&response, &asked.model, 0).expect("the response is whole");
//! assert_eq!(answer["choices"][0]["message"]["content"], "Hi");
//! assert_eq!(answer["choices"][0]["finish_reason"], "stop");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod message;
mod request;

pub use answer::{answer, chunks, error};
pub use request::{Translated, Untranslatable, request};
