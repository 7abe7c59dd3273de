//! A byte order mark.

use crate::event_stream::Segment;
use crate::plan::Draft;

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// A UTF-8 byte order mark before the body, as some servers and file templates leave it. A reader of
/// event streams drops exactly one (WHATWG HTML §9.2.6).
pub(super) fn apply(draft: &mut Draft) -> Result<(), String> {
    match draft.segments.first_mut() {
        Some(first) => drop(first.bytes.splice(0..0, BOM)),
        None => draft.segments.push(Segment::raw(BOM)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::tests::{act, five};

    #[test]
    fn the_mark_comes_first_and_once() {
        let mut draft = five();
        act(json!("bom"), &mut draft);
        let body = draft.body();
        assert!(body.starts_with(b"\xef\xbb\xbfevent: a"));
        assert_eq!(body.iter().filter(|byte| **byte == 0xef).count(), 1);
    }
}
