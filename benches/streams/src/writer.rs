//! Writes the events of a stream, and remembers what the later ones repeat.

use std::fmt::Write as _;

use crate::Stream;

#[derive(Clone, Copy)]
pub(crate) enum Words {
    /// Prose: about one word in twelve holds an escape, one in eleven is not ASCII.
    Mixed,
    /// Source code inside JSON inside a JSON string: hardly a word without an escape.
    Code,
}

/// Words as they stand inside a JSON string.
const PROSE: [&str; 23] = [
    "the ",
    "reader ",
    "takes ",
    "what ",
    "comes, ",
    "a",
    "piece ",
    "at ",
    "a time, ",
    "and ",
    "keeps ",
    "counting ",
    "until it has seen all",
    "of ",
    "them. ",
    "für alle ",
    "読む ",
    "then ",
    "\\n\\n",
    "\\\"so\\\" ",
    "it ",
    "stops ",
    "for good ",
];
const CODE: [&str; 12] = [
    "{\\\"",
    "path",
    "\\\":\\\"",
    "src/",
    "main.rs",
    "\\\",\\\"",
    "fn main() {\\\\n",
    "    let x = ",
    "\\\\\\\"text\\\\\\\"",
    ";\\\\n",
    "}\\\\n",
    "\\\"}",
];
const PADDING: &str = "iV6gT0pQ4sXw9LmA";

/// A stream as far as it is written.
pub(crate) struct Writer {
    out: String,
    events: usize,
    /// Items of the output, as the terminal event repeats them.
    items: Vec<String>,
    text_bytes: usize,
    state: u64,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self {
            out: String::new(),
            events: 0,
            items: Vec::new(),
            text_bytes: 0,
            state: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// The next number of a fixed sequence (SplitMix64).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn id(&mut self, prefix: &str) -> String {
        let (a, b, c) = (self.next(), self.next(), self.next());
        format!("{prefix}_{a:016x}{b:016x}{c:016x}")
    }

    fn word(&mut self, words: Words, number: usize) -> &'static str {
        match words {
            Words::Mixed => PROSE[(self.next() % PROSE.len() as u64) as usize],
            Words::Code => CODE[number % CODE.len()],
        }
    }

    fn event(&mut self, kind: &str, fields: &str) {
        let number = self.events;
        // Writing to a string cannot fail.
        let _ = write!(
            self.out,
            "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number},{fields}}}\n\n"
        );
        self.events += 1;
    }

    fn delta(&mut self, kind: &str, place: &str, word: &str, logprobs: &str) {
        let padding = &PADDING[..(16 - word.len() % 16) % 16];
        self.event(
            kind,
            &format!("{place},\"delta\":\"{word}\"{logprobs},\"obfuscation\":\"{padding}\""),
        );
        self.text_bytes += unescaped(word);
    }

    pub(crate) fn begin(&mut self) {
        self.event("response.created", &response("in_progress", "", "null"));
        self.event("response.in_progress", &response("in_progress", "", "null"));
    }

    pub(crate) fn complete(mut self) -> Stream {
        let output = self.items.join(",");
        let usage = "{\"input_tokens\":8123,\"input_tokens_details\":{\"cached_tokens\":7936},\"output_tokens\":57000,\
                     \"output_tokens_details\":{\"reasoning_tokens\":8400},\"total_tokens\":65123}";
        self.event("response.completed", &response("completed", &output, usage));
        Stream {
            bytes: self.out.into_bytes(),
            events: self.events,
            text_bytes: self.text_bytes,
        }
    }

    fn added(&mut self, index: usize, item: &str) {
        self.event(
            "response.output_item.added",
            &format!("\"output_index\":{index},\"item\":{item}"),
        );
    }

    fn done(&mut self, index: usize, item: String) {
        self.event(
            "response.output_item.done",
            &format!("\"output_index\":{index},\"item\":{item}"),
        );
        self.items.push(item);
    }

    pub(crate) fn reasoning(&mut self, summaries: usize, deltas: usize) {
        let (id, index) = (self.id("rs"), self.items.len());
        self.added(
            index,
            &format!("{{\"id\":\"{id}\",\"type\":\"reasoning\",\"summary\":[]}}"),
        );
        let mut parts = Vec::new();
        for summary in 0..summaries {
            let place = format!(
                "\"item_id\":\"{id}\",\"output_index\":{index},\"summary_index\":{summary}"
            );
            let part = |text: &str| format!("{{\"type\":\"summary_text\",\"text\":\"{text}\"}}");
            self.event(
                "response.reasoning_summary_part.added",
                &format!("{place},\"part\":{}", part("")),
            );
            let mut text = String::new();
            for number in 0..deltas {
                let word = self.word(Words::Mixed, number);
                text.push_str(word);
                self.delta("response.reasoning_summary_text.delta", &place, word, "");
            }
            self.event(
                "response.reasoning_summary_text.done",
                &format!("{place},\"text\":\"{text}\""),
            );
            self.event(
                "response.reasoning_summary_part.done",
                &format!("{place},\"part\":{}", part(&text)),
            );
            parts.push(part(&text));
        }
        let sealed = self.id("sealed").repeat(8);
        let parts = parts.join(",");
        self.done(index, format!("{{\"id\":\"{id}\",\"type\":\"reasoning\",\"encrypted_content\":\"{sealed}\",\"summary\":[{parts}]}}"));
    }

    /// Reasoning of which nothing can be read: so many bytes of it.
    pub(crate) fn sealed(&mut self, size: usize) {
        let (id, index) = (self.id("rs"), self.items.len());
        let item = |sealed: &str| {
            format!(
                "{{\"id\":\"{id}\",\"type\":\"reasoning\",\"encrypted_content\":\"{sealed}\",\"summary\":[]}}"
            )
        };
        self.added(index, &item(""));
        let piece = self.id("sealed");
        let mut sealed = piece.repeat(size / piece.len() + 1);
        sealed.truncate(size);
        self.done(index, item(&sealed));
    }

    pub(crate) fn message(&mut self, deltas: usize) {
        self.message_of(deltas, 1, Words::Mixed);
    }

    /// A message whose whole text comes in one delta.
    pub(crate) fn large_message(&mut self, words: usize, kind: Words) {
        self.message_of(1, words, kind);
    }

    fn message_of(&mut self, deltas: usize, words: usize, kind: Words) {
        let (id, index) = (self.id("msg"), self.items.len());
        let item = |status: &str, content: &str| {
            format!(
                "{{\"id\":\"{id}\",\"type\":\"message\",\"status\":\"{status}\",\"role\":\"assistant\",\"content\":[{content}]}}"
            )
        };
        let part = |text: &str| {
            format!(
                "{{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"{text}\"}}"
            )
        };
        let place = format!("\"item_id\":\"{id}\",\"output_index\":{index},\"content_index\":0");
        self.added(index, &item("in_progress", ""));
        self.event(
            "response.content_part.added",
            &format!("{place},\"part\":{}", part("")),
        );
        let mut text = String::new();
        for _ in 0..deltas {
            let mut piece = String::new();
            for number in 0..words {
                piece.push_str(self.word(kind, number));
                if words > 1 && piece.len() > 1_000_000 {
                    break;
                }
            }
            text.push_str(&piece);
            self.delta(
                "response.output_text.delta",
                &place,
                &piece,
                ",\"logprobs\":[]",
            );
        }
        self.event(
            "response.output_text.done",
            &format!("{place},\"text\":\"{text}\",\"logprobs\":[]"),
        );
        self.event(
            "response.content_part.done",
            &format!("{place},\"part\":{}", part(&text)),
        );
        self.done(index, item("completed", &part(&text)));
    }

    pub(crate) fn calls(&mut self, calls: usize, deltas: usize, words: Words) {
        let first = self.items.len();
        let ids: Vec<(String, String)> = (0..calls)
            .map(|_| (self.id("fc"), self.id("call")))
            .collect();
        let item = |call: usize, status: &str, arguments: &str| {
            let (id, call_id) = &ids[call];
            format!(
                "{{\"id\":\"{id}\",\"type\":\"function_call\",\"status\":\"{status}\",\"arguments\":\"{arguments}\",\"call_id\":\"{call_id}\",\"name\":\"apply_patch_{call}\"}}"
            )
        };
        let place = |call: usize| {
            format!(
                "\"item_id\":\"{}\",\"output_index\":{}",
                ids[call].0,
                first + call
            )
        };
        let mut texts = vec![String::new(); calls];
        for call in 0..calls {
            self.added(first + call, &item(call, "in_progress", ""));
        }
        for number in 0..deltas {
            for (call, text) in texts.iter_mut().enumerate() {
                let word = self.word(words, number + call);
                text.push_str(word);
                self.delta(
                    "response.function_call_arguments.delta",
                    &place(call),
                    word,
                    "",
                );
            }
        }
        for (call, text) in texts.iter().enumerate() {
            self.event(
                "response.function_call_arguments.done",
                &format!("{},\"arguments\":\"{text}\"", place(call)),
            );
            self.done(first + call, item(call, "completed", text));
        }
    }
}

fn response(status: &str, output: &str, usage: &str) -> String {
    format!(
        "\"response\":{{\"id\":\"resp_loginproof_1\",\"object\":\"response\",\"created_at\":1790000000,\"status\":\"{status}\",\
         \"error\":null,\"incomplete_details\":null,\"instructions\":null,\"max_output_tokens\":null,\"model\":\"gpt-5.5\",\
         \"output\":[{output}],\"parallel_tool_calls\":true,\"temperature\":1.0,\"tool_choice\":\"auto\",\"tools\":[],\
         \"top_p\":1.0,\"usage\":{usage},\"metadata\":{{}}}}"
    )
}

/// The length of a string of the lists above once its escapes are gone: each is a backslash and one character.
fn unescaped(word: &str) -> usize {
    let mut bytes = word.bytes();
    let mut length = 0;
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            bytes.next();
        }
        length += 1;
    }
    length
}
