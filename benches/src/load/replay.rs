//! One stream of 64 MB, as fast as the socket takes it, beside a server that only writes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::Figure;
use super::child::{STREAM, Server, What};

const ROUNDS: usize = 9;

pub(super) fn measure() -> io::Result<Vec<Figure>> {
    let (ours, plain) = (Server::start(What::Long)?, Server::start(What::Plain)?);
    let (mut own, mut least) = (Vec::new(), Vec::new());
    for number in 0..=ROUNDS {
        let (a, b) = (pass(&ours)?, pass(&plain)?);
        // The first pass warms both up.
        if number > 0 {
            own.push(a);
            least.push(b);
        }
    }
    let (own, least) = (best(&own), best(&least));
    Ok(vec![
        Figure::new("replay", "ours, for each second of CPU", own, "GB"),
        Figure::new(
            "replay",
            "writing alone, for each second of CPU",
            least,
            "GB",
        ),
        // The kernel's limit, where that is below two.
        Figure::new(
            "replay",
            "ours, of the lower of that and 2 GB",
            own / least.min(2.0),
            "times",
        )
        .at_least(0.9),
    ])
}

/// GB for each second of the server's CPU.
fn pass(server: &Server) -> io::Result<f64> {
    let before = server.used()?.cpu;
    let mut socket = TcpStream::connect(server.address)?;
    // In one write: what a server has not read when it closes makes a reset of the end.
    let request = format!(
        "POST {STREAM} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}",
        server.address
    );
    socket.write_all(request.as_bytes())?;
    let mut buffer = vec![0; 256 << 10];
    let mut length = 0;
    loop {
        match socket.read(&mut buffer)? {
            0 => break,
            more => length += more,
        }
    }
    let spent = server.used()?.cpu - before;
    Ok(length as f64 / spent.max(Duration::from_nanos(1)).as_secs_f64() / 1e9)
}

fn best(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}
