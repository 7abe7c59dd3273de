//! A capture as an asciicast (version 2), which players show.

use std::fmt::Write as _;

use serde_json::json;

use super::capture::{Capture, Chunk, Stream};

/// The file's text: a header, then one event per line: `o` shown, `i` typed, `r` a new size.
#[must_use]
pub fn write(capture: &Capture) -> String {
    let (width, height) = capture.size;
    let header = json!({ "version": 2, "width": width, "height": height, "env": { "TERM": "xterm-256color" } });
    let mut text = format!("{header}\n");
    let mut partial: [Vec<u8>; 2] = [Vec::new(), Vec::new()];
    for Chunk { at, stream, bytes } in &capture.chunks {
        let (code, data) = match stream {
            Stream::Terminal => ("o", decode(&mut partial[0], bytes)),
            // Pipes carry bare line feeds, which a terminal would show as stairs.
            Stream::Stdout => (
                "o",
                decode(&mut partial[0], bytes)
                    .replace("\r\n", "\n")
                    .replace('\n', "\r\n"),
            ),
            Stream::Stderr => (
                "o",
                decode(&mut partial[1], bytes)
                    .replace("\r\n", "\n")
                    .replace('\n', "\r\n"),
            ),
            Stream::Input | Stream::Answer => ("i", String::from_utf8_lossy(bytes).into_owned()),
            Stream::Resize { columns, rows } => ("r", format!("{columns}x{rows}")),
        };
        if !data.is_empty() {
            let _ = writeln!(
                text,
                "[{:.6}, {}, {}]",
                at.as_secs_f64(),
                json!(code),
                json!(data)
            );
        }
    }
    text
}

/// Text of the bytes; the start of a character whose rest is in a later chunk waits for it.
fn decode(partial: &mut Vec<u8>, bytes: &[u8]) -> String {
    partial.extend_from_slice(bytes);
    let keep = match std::str::from_utf8(partial) {
        Err(error) if error.error_len().is_none() => partial.len() - error.valid_up_to(),
        // Broken bytes earlier on: only the last three bytes can be the start of a character.
        Err(_) => (1..=3.min(partial.len()))
            .find(|count| {
                let end = &partial[partial.len() - count..];
                std::str::from_utf8(end)
                    .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
            })
            .unwrap_or(0),
        Ok(_) => 0,
    };
    let rest = partial.split_off(partial.len() - keep);
    let text = String::from_utf8_lossy(partial).into_owned();
    *partial = rest;
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn chunk(ms: u64, stream: Stream, bytes: &[u8]) -> Chunk {
        Chunk {
            at: Duration::from_millis(ms),
            stream,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn a_session_is_an_asciicast() {
        let capture = Capture {
            size: (80, 24),
            chunks: vec![
                chunk(0, Stream::Terminal, b"\x1b[1mcode\x1b[0m: \xc3"),
                chunk(12, Stream::Terminal, b"\xbc\xff\r\n"),
                chunk(1500, Stream::Input, b"y\r"),
                chunk(1501, Stream::Answer, b"\x1b[1;1R"),
                chunk(
                    2000,
                    Stream::Resize {
                        columns: 100,
                        rows: 30,
                    },
                    b"",
                ),
            ],
            dropped: 0,
        };
        insta::assert_snapshot!(write(&capture), @r#"
        {"version":2,"width":80,"height":24,"env":{"TERM":"xterm-256color"}}
        [0.000000, "o", "\u001b[1mcode\u001b[0m: "]
        [0.012000, "o", "ü�\r\n"]
        [1.500000, "i", "y\r"]
        [1.501000, "i", "\u001b[1;1R"]
        [2.000000, "r", "100x30"]
        "#);
    }
}
