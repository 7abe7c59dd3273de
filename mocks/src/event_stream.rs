//! An event stream's bytes, cut into its blocks. The mocks keep this small reader of their own: it
//! must not share mistakes with the readers under test.

use std::borrow::Cow;

use serde::Deserialize;

/// A part of a body that goes out together: one block of an event stream, or the whole of another body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The type of the event, when this is one: `type` of its JSON data, else the `event` field, else its data.
    pub(crate) event: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// One block of a stream: its fields, and where it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// Value of the last `event` field.
    pub(crate) event: Option<String>,
    /// Values of the `data` fields, joined by line feeds. None without such a field.
    pub(crate) data: Option<String>,
    /// Whether a blank line ends the block; the last one of a torn stream has none.
    pub(crate) complete: bool,
    /// Its bytes, the blank line included.
    pub(crate) bytes: Vec<u8>,
}

impl Segment {
    /// Bytes that are no event.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            event: None,
            bytes: bytes.into(),
        }
    }
}

impl Block {
    /// The name of the event, or `None` for a block without data (comments, blank lines).
    fn kind(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Typed<'a> {
            #[serde(borrow, rename = "type")]
            kind: Option<Cow<'a, str>>,
        }
        let data = self.data.as_deref()?;
        let typed = serde_json::from_str::<Typed<'_>>(data)
            .ok()
            .and_then(|typed| typed.kind);
        let kind = typed.map(Cow::into_owned).or_else(|| self.event.clone());
        Some(kind.unwrap_or_else(|| data.to_owned()))
    }
}

/// Cuts a stream after each blank line.
pub(crate) fn segments(body: &[u8]) -> Vec<Segment> {
    blocks(body)
        .into_iter()
        .map(|block| Segment {
            event: block.kind(),
            bytes: block.bytes,
        })
        .collect()
}

/// Reads the blocks of a stream. Lines end with LF, CRLF or CR; one BOM may lead.
pub(crate) fn blocks(body: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut block = Block::default();
    let mut rest = body;
    while !rest.is_empty() {
        let (line, length) = next_line(rest);
        let mut text = line;
        if rest.len() == body.len() {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        block.bytes.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
        if text.is_empty() && length > line.len() {
            block.complete = true;
            blocks.push(std::mem::take(&mut block));
        } else {
            block.line(text);
        }
    }
    if !block.bytes.is_empty() {
        blocks.push(block);
    }
    blocks
}

impl Block {
    fn line(&mut self, line: &[u8]) {
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = String::from_utf8_lossy(value.strip_prefix(b" ").unwrap_or(value));
        match name {
            b"event" => self.event = Some(value.into_owned()),
            b"data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(&value);
                }
                None => self.data = Some(value.into_owned()),
            },
            _ => {}
        }
    }
}

/// The next line without its end, and its length with it.
pub(crate) fn next_line(bytes: &[u8]) -> (&[u8], usize) {
    match bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        None => (bytes, bytes.len()),
        Some(at) if bytes[at..].starts_with(b"\r\n") => (&bytes[..at], at + 2),
        Some(at) => (&bytes[..at], at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_after_each_blank_line_whatever_ends_its_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let body =
                "event: a\ndata: {\"type\":\"a\"}\n\n: note\n\ndata: [DONE]\n\n".replace('\n', end);
            let segments = segments(body.as_bytes());
            let events: Vec<_> = segments
                .iter()
                .map(|segment| segment.event.as_deref())
                .collect();
            assert_eq!(events, [Some("a"), None, Some("[DONE]")], "{end:?}");
            let joined: Vec<u8> = segments
                .into_iter()
                .flat_map(|segment| segment.bytes)
                .collect();
            assert_eq!(joined, body.as_bytes());
        }
    }

    #[test]
    fn the_type_in_the_data_goes_before_the_name_of_the_event() {
        let segments = segments(b"event: a\ndata: {\"type\":\"b\"}\n\nevent: c\ndata: {}\n\n");
        assert_eq!(segments[0].event.as_deref(), Some("b"));
        assert_eq!(segments[1].event.as_deref(), Some("c"));
    }

    #[test]
    fn a_torn_end_is_a_block_that_is_not_complete() {
        let blocks = blocks(b"\xef\xbb\xbfdata: 1\ndata: 2\n\ndata: 3\n");
        assert_eq!(blocks[0].data.as_deref(), Some("1\n2"));
        assert!(blocks[0].complete);
        assert!(!blocks[1].complete);
    }
}
