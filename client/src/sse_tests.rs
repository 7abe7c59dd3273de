use super::*;

/// Name, data and last id of every event, and how the stream ended.
fn decode(chunks: &[&[u8]]) -> (Vec<(String, String, String)>, End) {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for chunk in chunks {
        let flow = decoder.feed(chunk, |e| {
            events.push((
                e.name.into_owned(),
                e.data.into_owned(),
                e.last_id.to_owned(),
            ));
            ControlFlow::Continue(())
        });
        assert!(flow.is_ok());
    }
    (events, decoder.finish())
}

fn data(stream: &[u8]) -> Vec<String> {
    decode(&[stream]).0.into_iter().map(|e| e.1).collect()
}

#[test]
fn every_split_of_every_line_end_gives_the_same_events() {
    for stream in [
        &b"data: a\ndata: b\n\ndata:c\n\n"[..],
        b"data: a\r\ndata: b\r\n\r\ndata:c\r\n\r\n",
        b"data: a\rdata: b\r\rdata:c\r\r",
        b"\xef\xbb\xbfdata: a\r\ndata: b\n\r\ndata:c\r\n\r",
        "data: é\u{2028}世🌍\r\ndata\r\n\r\n".as_bytes(),
        b": ping\n\nevent: x\nid: 1\ndata: {\"i\":\r\ndata: 0}\r\n\r\n:\n\n",
    ] {
        let whole = decode(&[stream]);
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let parts = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(
                    decode(&parts),
                    whole,
                    "{stream:?} cut at {first} and {second}"
                );
            }
        }
    }
}

#[test]
fn newlines_of_all_three_kinds_end_a_line() {
    assert_eq!(
        data(b"data:test\r\ndata\ndata:test\r\n\r"),
        ["test\n\ntest"]
    );
    assert_eq!(data(b"data: x\n\r"), ["x"]);
}

#[test]
fn a_cr_ends_its_line_without_waiting_for_more() {
    assert_eq!(data(b"data: x\r\r"), ["x"]);
    let (events, end) = decode(&[b"data: x\r\n\r", b"\n"]);
    assert_eq!((events.len(), end), (1, End::Clean));
}

#[test]
fn only_one_leading_mark_is_dropped() {
    assert_eq!(
        data(b"\xef\xbb\xbfdata:1\n\n\xef\xbb\xbfdata:2\n\ndata:3\n\n"),
        ["1", "3"]
    );
    assert_eq!(data(b"\xef\xbb\xbf\xef\xbb\xbfdata:1\n\ndata:2\n\n"), ["2"]);
    assert_eq!(data("data: \u{feff}x\n\n".as_bytes()), ["\u{feff}x"]);
    assert_eq!(data(b"\xef\xbbdata:1\n\ndata:2\n\n"), ["2"]);
}

#[test]
fn field_names_are_exact_and_lose_one_space() {
    let stream = b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n";
    assert_eq!(data(stream), ["\0\n 2\n1\n3\n\n4"]);
    assert_eq!(
        data(b"data:\ttest\rdata: \ndata:test\n\n"),
        ["\ttest\n\ntest"]
    );
}

#[test]
fn a_block_without_data_is_no_event_and_resets_the_name() {
    let (events, _) =
        decode(&[b"event: a\n\ndata\n\ndata\ndata\n\nevent: b\ndata: x\n\nevent:\ndata: y\n\n"]);
    let read: Vec<_> = events
        .iter()
        .map(|e| (e.0.as_str(), e.1.as_str()))
        .collect();
    assert_eq!(
        read,
        [
            ("message", ""),
            ("message", "\n"),
            ("b", "x"),
            ("message", "y")
        ]
    );
}

#[test]
fn the_last_id_persists_and_ignores_nul() {
    let (events, _) = decode(&[
        b"id: 1\ndata: a\n\ndata: b\n\nid: 2\0\ndata: c\n\nid\ndata: d\n\nid: 3\n\ndata: e\n\n",
    ]);
    let ids: Vec<_> = events.iter().map(|e| e.2.as_str()).collect();
    assert_eq!(ids, ["1", "1", "1", "", "3"]);
}

#[test]
fn retry_takes_digits_only() {
    let mut decoder = Decoder::default();
    let _ = decoder.feed(b"retry: 03000\nretry: 1000x\nretry:\nretry: -1\n\n", |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(decoder.retry_ms(), Some(3000));
}

#[test]
fn an_event_without_its_blank_line_is_discarded() {
    assert_eq!(decode(&[b"data: a\n\ndata: b\n"]).1, End::InsideEvent);
    assert_eq!(data(b"data: a\n\ndata: b\n"), ["a"]);
    assert_eq!(data(b"data: b"), [""; 0]);
    assert_eq!(decode(&[b"data: a\n\n: bye"]).1, End::Clean);
}

#[test]
fn invalid_bytes_are_replaced_in_their_event_alone() {
    assert_eq!(
        data(b"data: {\"d\":\"\xff\xfe\"}\n\ndata: ok\n\n"),
        ["{\"d\":\"\u{fffd}\u{fffd}\"}", "ok"]
    );
    // Cut inside a character by the end of the line, not by a chunk.
    assert_eq!(data(b"data: \xe4\xb8\ndata: x\n\n"), ["\u{fffd}\nx"]);
}

#[test]
fn separators_that_only_unicode_knows_do_not_end_a_line() {
    for inner in [
        "\u{2028}", "\u{2029}", "\u{85}", "\u{b}", "\u{c}", "\u{1c}", "\u{1d}", "\u{1e}",
    ] {
        let stream = format!("data: a{inner}b\n\n");
        assert_eq!(data(stream.as_bytes()), [format!("a{inner}b")]);
    }
}

#[test]
fn an_event_beyond_the_limit_is_an_error_and_comments_are_not_counted() {
    let feed = |chunks: &[&[u8]]| {
        let mut decoder = Decoder::with_limit(16);
        chunks
            .iter()
            .try_for_each(|c| decoder.feed(c, |_| ControlFlow::Continue(())).map(|_| ()))
    };
    let too_large = Err(Error::TooLarge { limit: 16 });
    assert_eq!(
        feed(&[b"data: 0123456789\n\n", b"data: 0123456789\n\n"]),
        Ok(())
    );
    assert_eq!(feed(&[b"data: 01234567890123456789\n\n"]), too_large);
    assert_eq!(
        feed(&[b"data: 0123456789\n", b"data: 0123456789\n\n"]),
        too_large
    );
    assert_eq!(feed(&[b"data: 0123", b"4567890123456789"]), too_large);
    assert_eq!(
        feed(&[
            b": 0123456789012345",
            b"6789012345678901234",
            b"\n\ndata: x\n\n"
        ]),
        Ok(())
    );
}

#[test]
fn a_break_drops_the_rest_of_the_chunk() {
    let mut decoder = Decoder::default();
    let mut seen = 0;
    let flow = decoder.feed(b"data: a\n\ndata: b\n\n", |_| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert_eq!((flow, seen), (Ok(ControlFlow::Break(())), 1));
}
