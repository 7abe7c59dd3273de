//! RFC 9112, HTTP/1.1.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::outside::{BOUND, Outside};

const GET: &str = "GET /.well-known/oauth-authorization-server HTTP/1.1\r\nhost: x\r\n";

fn status(answer: &str) -> u16 {
    let word = answer.split(' ').nth(1);
    word.and_then(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("{answer:?}"))
}

/// Heads and bodies of the answers on a connection, by their content-length.
fn answers(mut wire: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    while !wire.is_empty() {
        let (head, rest) = wire
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("{wire:?}"));
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.trim().parse().unwrap());
        let (body, next) = rest.split_at(length);
        all.push((head.to_owned(), body.to_owned()));
        wire = next;
    }
    all
}

/// §3.2: a request without Host, with two, or with one that cannot be read, must be answered 400.
#[tokio::test]
async fn a_request_has_one_host() {
    let outside = Outside::new().await;
    for fields in ["", "host: a\r\nhost: b\r\n", "host: a b\r\n"] {
        let answer = outside
            .raw(&format!(
                "GET /codex/device HTTP/1.1\r\n{fields}connection: close\r\n\r\n"
            ))
            .await;
        assert_eq!(status(&answer), 400, "{fields:?}: {answer}");
    }
}

/// §9.3: a connection carries several requests; §9.3.2: pipelined ones are answered in their order; §9.6: `close` ends it.
#[tokio::test]
async fn a_connection_carries_several_requests() {
    let outside = Outside::new().await;
    let wire = outside
        .raw(&format!(
            "{GET}\r\nGET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n{GET}connection: close\r\n\r\n"
        ))
        .await;
    let seen: Vec<u16> = answers(&wire)
        .iter()
        .map(|(head, _)| status(head))
        .collect();
    assert_eq!(seen, [200, 404, 200]);
    let last = answers(&wire).pop().unwrap().0.to_ascii_lowercase();
    assert!(last.contains("connection: close"), "{last}");
}

/// §9.3: HTTP/1.0 without keep-alive is over after one answer, and gets no chunks (§6.1).
#[tokio::test]
async fn http_1_0_gets_one_answer_without_chunks() {
    let outside = Outside::new().await;
    let wire = outside
        .raw("GET /codex/device HTTP/1.0\r\nhost: x\r\n\r\n")
        .await;
    assert_eq!(status(&wire), 200);
    assert!(
        !wire.to_ascii_lowercase().contains("transfer-encoding"),
        "{wire}"
    );
}

/// §6.3: what frames a body is unmistakable, or the request is refused and the connection closed.
#[tokio::test]
async fn bodies_that_could_be_read_in_two_ways_are_refused() {
    let outside = Outside::new().await;
    for (fields, expected) in [
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n", 400),
        ("content-length: 5\r\ncontent-length: 6\r\n", 400),
        ("content-length: -5\r\n", 400),
        ("content-length: 0x5\r\n", 400),
        ("transfer-encoding: chunked, gzip\r\n", 400),
    ] {
        let wire = outside
            .raw(&format!(
                "POST /oauth/token HTTP/1.1\r\nhost: x\r\n{fields}\r\n0\r\n\r\n"
            ))
            .await;
        // §6.1: a coding that is not understood should be 501.
        let seen = status(&wire);
        assert!(
            seen == expected || (seen == 501 && fields.starts_with("transfer")),
            "{fields}: {wire}"
        );
    }
}

/// §5.1: no white space between field name and colon. §5.2: no folded lines. §2.2: no bare CR.
#[tokio::test]
async fn malformed_fields_are_refused() {
    let outside = Outside::new().await;
    for fields in [
        "x-one : 1\r\n",
        "x-one: 1\r\n folded\r\n",
        "x-one: a\rb\r\n",
        "no colon\r\n",
    ] {
        let wire = outside
            .raw(&format!(
                "GET /codex/device HTTP/1.1\r\nhost: x\r\n{fields}\r\n"
            ))
            .await;
        assert_eq!(status(&wire), 400, "{fields:?}");
    }
}

/// §7.1: chunks of any size, with extensions and trailers, are one body.
#[tokio::test]
async fn a_chunked_body_is_one_body() {
    let outside = Outside::new().await;
    let wire = outside
        .raw(
            "POST /strict/device_authorization HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n\
             7;name=\"a;b\"\r\nclient_\r\n1\r\ni\r\n5\r\nd=cli\r\n0\r\nx-trailer: 1\r\n\r\n",
        )
        .await;
    assert_eq!(status(&wire), 200, "{wire}");
}

/// RFC 9110 §10.1.1: who waits for 100 before it sends the content gets it.
#[tokio::test]
async fn who_expects_100_continue_gets_it() {
    let outside = Outside::new().await;
    let head = "POST /strict/device_authorization HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\n\
                content-type: application/x-www-form-urlencoded\r\ncontent-length: 13\r\n\r\n";
    let mut stream = TcpStream::connect(outside.server.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut word = [0; 25];
    let read = timeout(BOUND, stream.read_exact(&mut word)).await;
    read.expect("no word comes").unwrap();
    assert_eq!(&word, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"client_id=cli").await.unwrap();
    let mut answer = String::new();
    let read = timeout(BOUND, stream.read_to_string(&mut answer)).await;
    read.expect("no answer comes").unwrap();
    assert_eq!(status(&answer), 200, "{answer}");
}

/// §3.2.2: a request in absolute form is answered, and its host counts.
#[tokio::test]
async fn the_absolute_form_is_understood() {
    let outside = Outside::new().await;
    let target = format!("{}/codex/device", outside.origin());
    let wire = outside
        .raw(&format!(
            "GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        ))
        .await;
    assert_eq!(status(&wire), 200, "{wire}");
}

/// §2.2: empty lines before the request line are skipped. §3: a method that is not known is 405 or 501, nonsense is 400.
#[tokio::test]
async fn request_lines_are_read_as_they_should() {
    let outside = Outside::new().await;
    for (line, expected) in [
        ("\r\n\r\nGET /codex/device HTTP/1.1", &[200][..]),
        ("BREW /codex/device HTTP/1.1", &[405, 501][..]),
        ("GET /codex/device", &[400][..]),
        ("GET /codex/device HTTP/3.9", &[400, 505][..]),
        ("GET  HTTP/1.1", &[400][..]),
    ] {
        let wire = outside
            .raw(&format!("{line}\r\nhost: x\r\nconnection: close\r\n\r\n"))
            .await;
        assert!(expected.contains(&status(&wire)), "{line:?}: {wire}");
    }
}
