//! What every model says when no rule answers for it: the text of the default stream, in its pieces.

use serde_json::Value;

/// The pieces of text that the default stream of the Responses endpoint is made of.
pub(super) fn pieces(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stream);
    let pieces: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .filter(|event| event["type"] == "response.output_text.delta")
        .filter_map(|event| event["delta"].as_str().map(str::to_owned))
        .collect();
    if pieces.is_empty() {
        vec![USUAL.to_owned()]
    } else {
        pieces
    }
}

/// Of a stream that is no stream.
const USUAL: &str = "Hello from loginproof.";

/// How many tokens a request and its answer count as. Nobody checks, but programs add them up.
pub(super) const TOKENS_IN: u32 = 12;
/// Those of the answer.
pub(super) const TOKENS_OUT: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_are_the_deltas_of_the_stream() {
        let stream = include_bytes!("../default_stream.sse");
        assert_eq!(pieces(stream).concat(), USUAL);
        assert_eq!(pieces(b"nothing"), [USUAL]);
    }
}
