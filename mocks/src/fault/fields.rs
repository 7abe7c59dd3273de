//! The fields of an event stream, written otherwise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event_stream::{Segment, blocks};
use crate::plan::Draft;

/// Writes the same events with other lines. All of these are right: a reader finds the same names and data in them
/// (WHATWG HTML §9.2.6), but for `no-event`, where the name is left to the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fields {
    /// `data:{…}`, `event:name`.
    NoSpace,
    /// The data before the name of the event.
    DataFirst,
    /// The JSON over several data lines, one for each of its outermost members.
    SeveralDataLines,
    /// No `event` lines.
    NoEvent,
    /// An `id` line in every event.
    Id,
    /// An `id` line with a NUL in it, which makes it void.
    IdWithNul,
    /// A `retry` line in every event: digits, then something else, then nothing.
    Retry,
    /// Lines of fields that do not exist, some of them nearly `data`.
    Unknown,
    /// Between the events blocks without data: a name, an id, a retry, each alone. They are no events.
    BlocksWithoutData,
}

impl Fields {
    pub(super) fn apply(self, draft: &mut Draft) -> Result<(), String> {
        let events = draft.events();
        if events.is_empty() {
            return Err("the answer has no events".to_owned());
        }
        for (nth, at) in events.iter().enumerate() {
            let segment = &mut draft.segments[*at];
            segment.bytes = self.written(&segment.bytes, nth);
        }
        if self == Self::BlocksWithoutData {
            for at in events.into_iter().rev() {
                let bare = "event: error\n\nid: 7\n\nretry: 10\n\nid\n\nretry\n\n";
                draft.segments.insert(at, Segment::raw(bare));
            }
        }
        Ok(())
    }

    /// The event in its new lines.
    fn written(self, bytes: &[u8], nth: usize) -> Vec<u8> {
        let Some(block) = blocks(bytes).pop() else {
            return bytes.to_vec();
        };
        let space = if self == Self::NoSpace { "" } else { " " };
        let name = block.event.filter(|_| self != Self::NoEvent);
        let name = name.map(|name| format!("event:{space}{name}\n"));
        let data: String = self
            .lines(&block.data.unwrap_or_default())
            .map(|line| format!("data:{space}{line}\n"))
            .collect();
        let name = name.unwrap_or_default();
        let end = if block.complete { "\n" } else { "" };
        let text = match self {
            Self::DataFirst => format!("{data}{name}{end}"),
            Self::Id => format!("id: {nth}\n{name}{data}{end}"),
            Self::IdWithNul => format!("{name}id: a\0b\n{data}id: \0\n{end}"),
            Self::Retry => match nth % 3 {
                0 => format!("retry: 2000\n{name}{data}{end}"),
                1 => format!("{name}retry: 2000x\n{data}{end}"),
                _ => format!("{name}{data}retry:\n{end}"),
            },
            Self::Unknown => format!("{UNKNOWN}{name}{data}{UNKNOWN}{end}"),
            _ => format!("{name}{data}{end}"),
        };
        text.into_bytes()
    }

    fn lines(self, data: &str) -> std::vec::IntoIter<String> {
        let lines = data.split('\n').map(str::to_owned);
        let lines: Vec<String> = if self == Self::SeveralDataLines {
            lines.flat_map(|line| members(&line)).collect()
        } else {
            lines.collect()
        };
        lines.into_iter()
    }
}

/// None of them is a field that exists: names are exact, and a line without a colon is a name (WHATWG HTML §9.2.6).
const UNKNOWN: &str = "foo: bar\nDATA: {\"type\":\"error\"}\nda-ta: 3\ndata_5\n data: 6\ndata\u{0}: 7\n\u{0}data: 8\n";

/// Cuts a JSON object behind its braces and the commas of its outermost members, where line feeds mean nothing.
fn members(json: &str) -> Vec<String> {
    let (mut depth, mut inside, mut escaped) = (0_usize, false, false);
    let mut lines = vec![String::new()];
    for letter in json.chars() {
        let last = letter == '}' && depth == 1 && !inside;
        if last {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push(letter);
        }
        match letter {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            '{' | '[' if !inside => depth += 1,
            '}' | ']' if !inside => depth = depth.saturating_sub(1),
            _ => {}
        }
        let opened = letter == '{' && depth == 1 && !inside;
        if opened || (letter == ',' && depth == 1 && !inside) {
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::event_stream::blocks;
    use crate::fault::tests::{act, answer, body, five, missed, stream};

    const WAYS: [&str; 9] = [
        "no-space",
        "data-first",
        "several-data-lines",
        "no-event",
        "id",
        "id-with-nul",
        "retry",
        "unknown",
        "blocks-without-data",
    ];

    #[test]
    fn the_events_stay_the_same() {
        let read = |draft: &crate::plan::Draft| -> Vec<_> {
            let blocks = blocks(&draft.body()).into_iter();
            let events = blocks.filter_map(|block| block.data.map(|data| (block.event, data)));
            events.collect()
        };
        let plain = read(&five());
        for way in WAYS {
            let mut draft = five();
            act(json!({ "fields": way }), &mut draft);
            let mut expected = plain.clone();
            let mut events = read(&draft);
            for (name, data) in expected.iter_mut().chain(&mut events) {
                *data = data.replace('\n', "");
                if way == "no-event" {
                    *name = None;
                }
            }
            assert_eq!(events, expected, "{way}");
            assert_ne!(draft.body(), five().body(), "{way}");
        }
    }

    #[test]
    fn lines_are_cut_where_json_allows_line_feeds() {
        let mut draft = stream("data: {\"a\":\"x,{\\\"\",\"b\":[1,{\"c\":2}]}\n\n");
        act(json!({ "fields": "several-data-lines" }), &mut draft);
        assert_eq!(
            body(&draft),
            "data: {\ndata: \"a\":\"x,{\\\"\",\ndata: \"b\":[1,{\"c\":2}]\ndata: }\n\n"
        );
    }

    #[test]
    fn what_has_no_events_has_no_fields() {
        let why = missed(json!({ "fields": "id" }), &mut answer("a/b", "x"));
        assert_eq!(why, "faults[0]: the answer has no events");
    }
}
