//! Events on stdin, as the crate `sse-stream` finds them.

use std::io::Write as _;

use futures_util::StreamExt as _;
use sse_stream::SseStream;
use tokio_util::io::ReaderStream;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut events = SseStream::from_bytes_stream(ReaderStream::new(tokio::io::stdin()));
    while let Some(event) = events.next().await {
        let line = match event {
            Ok(event) => serde_json::json!({ "event": event.event, "data": event.data, "id": event.id }),
            Err(error) => serde_json::json!({ "error": error.to_string() }),
        };
        if writeln!(std::io::stdout(), "{line}").is_err() {
            return;
        }
    }
}
