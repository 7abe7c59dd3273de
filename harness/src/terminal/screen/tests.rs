use super::*;

fn drawn(bytes: &[u8]) -> Screen {
    let mut screen = Screen::terminal(40, 6);
    screen.process(0, bytes, |_| {});
    screen.settle();
    screen
}

fn answers(bytes: &[u8]) -> Vec<String> {
    let mut screen = Screen::terminal(40, 6);
    let mut all = Vec::new();
    screen.process(0, bytes, |answer| {
        all.push(String::from_utf8(answer).unwrap())
    });
    all
}

#[test]
fn wrapped_lines_are_joined() {
    let url = "http://127.0.0.1:8000/codex/device?code=ABCD-12345&more=yes";
    let screen = drawn(format!("Open {url}\r\nnow   ").as_bytes());
    assert_eq!(screen.text_now(), format!("Open {url}\nnow"));
    assert_eq!(screen.transcript(), format!("Open {url}\nnow"));
}

#[test]
fn a_link_has_its_whole_address_whatever_stands_on_the_screen() {
    let url = format!("https://127.0.0.1/authorize?{}", "a=b;c&".repeat(1000));
    let screen = drawn(
        format!(
            "\x1b]8;id=1;{url}\x1b\\sign \x1b[1min\x1b[0m\x1b]8;;\x1b\\ or \x1b]8;;http://b/\x07b"
        )
        .as_bytes(),
    );
    let links = screen.links();
    assert_eq!(
        links[0],
        Link {
            url,
            text: "sign in".to_owned()
        }
    );
    assert_eq!(
        links[1],
        Link {
            url: "http://b/".to_owned(),
            text: "b".to_owned()
        }
    );
}

#[test]
fn a_link_drawn_again_is_listed_once() {
    let link = "\x1b]8;;http://a/\x1b\\a\x1b]8;;\x1b\\\r";
    assert_eq!(drawn(link.repeat(3).as_bytes()).links().len(), 1);
}

#[test]
fn title_and_clipboard_are_recorded() {
    let screen = drawn(b"\x1b]0;my agent\x07\x1b]52;c;QUJDRA==\x07\x1b]52;c;?\x07");
    assert_eq!(screen.title(), "my agent");
    assert_eq!(screen.clipboard(), ["QUJDRA=="]);
}

#[test]
fn text_that_was_erased_stays_in_the_transcript() {
    let screen = drawn(b"Code: ABCD\r\nWaiting\x1b[2J\x1b[HSigned in");
    assert_eq!(screen.text_now(), "Signed in");
    assert_eq!(screen.transcript(), "Code: ABCD\nWaiting\nSigned in");
}

#[test]
fn text_that_scrolled_away_stays_in_the_transcript() {
    let text: String = (0..50).map(|number| format!("line {number}\r\n")).collect();
    let screen = drawn(text.as_bytes());
    assert!(screen.transcript().starts_with("line 0\nline 1\n"));
    assert!(!screen.text_now().contains("line 0\n"));
}

#[test]
fn columns_that_a_program_skips_are_blanks() {
    let screen = drawn(b"Press\x1b[1CEnter\x1b[20Gnow");
    assert_eq!(screen.transcript(), "Press Enter        now");
}

#[test]
fn a_frame_drawn_again_is_told_once_and_its_changes_are_told() {
    let mut screen = Screen::terminal(40, 6);
    for spinner in ["|", "/", "-", "|", "/", "-"] {
        screen.process(
            0,
            format!("{spinner} Waiting\r\n  code ABCD\r\n\x1b[2A").as_bytes(),
            |_| {},
        );
        screen.settle();
    }
    assert_eq!(
        screen.transcript(),
        "| Waiting\n  code ABCD\n/ Waiting\n- Waiting"
    );
}

#[test]
fn text_put_together_from_pieces_is_told_when_it_vanishes() {
    let mut screen = Screen::terminal(40, 6);
    screen.process(0, b"\x1b[2;6H-12345\x1b[2;2HABCD\x1b[4;1Hx", |_| {});
    screen.settle();
    assert!(!screen.transcript().contains("ABCD-12345"));
    screen.process(0, b"\x1b[2J", |_| {});
    screen.settle();
    assert!(
        screen.transcript().contains("ABCD-12345"),
        "{}",
        screen.transcript()
    );
}

#[test]
fn streamed_text_is_told_once() {
    let mut screen = Screen::terminal(40, 6);
    for piece in ["Hel", "lo", " world"] {
        screen.process(0, piece.as_bytes(), |_| {});
        screen.settle();
    }
    assert_eq!(screen.transcript(), "Hello world");
}

#[test]
fn questions_are_answered_in_the_order_asked_with_the_cursor_of_that_moment() {
    let all = answers(b"\x1b]11;?\x07\x1b[6nabc\x1b[6n\r\n\x9b6n\x1b[c");
    assert_eq!(
        all,
        [
            "\x1b]11;rgb:1010/1010/1010\x07",
            "\x1b[1;1R",
            "\x1b[1;4R",
            "\x1b[2;1R",
            "\x1b[?62;22c"
        ]
    );
}

#[test]
fn an_eight_bit_question_leaves_nothing_on_the_screen() {
    assert_eq!(drawn(b"a\x9b6nb").text_now(), "ab");
}

#[test]
fn keyboard_flags_that_were_pushed_are_told_and_left_behind() {
    assert_eq!(
        answers(b"\x1b[?u\x1b[>5u\x1b[?u\x1b[=2;2u\x1b[?u\x1b[<u\x1b[?u"),
        ["\x1b[?0u", "\x1b[?5u", "\x1b[?7u", "\x1b[?0u"]
    );
    assert!(drawn(b"\x1b[>1u").modes().keyboard);
    assert!(!drawn(b"\x1b[>1u\x1b[<1u").modes().keyboard);
}

#[test]
fn modes_are_answered_as_they_are() {
    assert_eq!(
        answers(b"\x1b[?2026$p\x1b[?2004h\x1b[?2004$p\x1b[?25l\x1b[?25$p\x1b[?12345$p"),
        [
            "\x1b[?2026;2$y",
            "\x1b[?2004;1$y",
            "\x1b[?25;2$y",
            "\x1b[?12345;0$y"
        ]
    );
}

#[test]
fn modes_left_behind_are_seen() {
    let modes = drawn(b"\x1b[?1049h\x1b[?25l\x1b[?1002h\x1b[?2004h").modes();
    assert!(modes.alternate_screen && modes.cursor_hidden && modes.mouse && modes.bracketed_paste);
    assert_eq!(
        drawn(b"\x1b[?1049h\x1b[?25l\x1b[?25h\x1b[?1049l").modes(),
        ModesLeft::default()
    );
}

#[test]
fn pipes_are_told_in_the_order_of_arrival_without_escape_sequences() {
    let mut screen = Screen::pipes();
    screen.process(0, b"\x1b[1mone\x1b[0m\ntwo", |_| {
        panic!("nobody answers on a pipe")
    });
    screen.process(1, b"error\x1b[6n\n", |_| panic!("nobody answers on a pipe"));
    screen.process(0, b"three\n", |_| {});
    assert_eq!(screen.transcript(), "one\ntwo\nerror\nthree");
    assert_eq!(screen.text_now(), screen.transcript());
}
