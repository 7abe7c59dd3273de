//! Small JSON answers over connections that stay open, ours and wiremock's in turns.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Figure;
use super::child::{SMALL, Server, What};

/// Connections side by side.
const CONNECTIONS: u64 = 64;
/// Rounds of the comparison, and requests in each.
const ROUNDS: usize = 7;
const ROUND: u64 = 40_000;

/// What one round took.
struct Cost {
    time: Duration,
    cpu: Duration,
}

pub(super) async fn measure(requests: u64) -> io::Result<Vec<Figure>> {
    let (ours, theirs) = (Server::start(What::Mocks)?, Server::start(What::Wiremock)?);
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    let (mut own_rates, mut own_costs) = (Vec::new(), Vec::new());
    for number in 0..=ROUNDS {
        let (own, their) = (round(&ours, ROUND).await?, round(&theirs, ROUND).await?);
        // The first round warms both up.
        if number > 0 {
            rates.push(their.time.as_secs_f64() / own.time.as_secs_f64());
            costs.push(their.cpu.as_secs_f64() / own.cpu.as_secs_f64());
            own_rates.push(ROUND as f64 / own.time.as_secs_f64() / 1e3);
            own_costs.push(own.cpu.as_secs_f64() / ROUND as f64 * 1e6);
        }
    }
    let quarter = requests / 4;
    round(&ours, quarter).await?;
    let early = ours.used()?.memory;
    for _ in 1..4 {
        round(&ours, quarter).await?;
    }
    let late = ours.used()?.memory;
    Ok(vec![
        Figure::new("small", "answers a second", median(own_rates), "thousand"),
        Figure::new(
            "small",
            "server's CPU for one answer",
            median(own_costs),
            "us",
        ),
        Figure::new(
            "small",
            "rate, ours over wiremock's",
            median(rates),
            "times",
        )
        .at_least(1.5),
        Figure::new(
            "small",
            "CPU for one answer, wiremock's over ours",
            median(costs),
            "times",
        ),
        Figure::new("small", "requests in the long run", requests as f64, ""),
        Figure::new(
            "small",
            "server's memory after a quarter of them",
            early,
            "MB",
        ),
        Figure::new(
            "small",
            "server's memory after all, over that",
            late / early,
            "times",
        )
        .at_most(1.05),
    ])
}

async fn round(server: &Server, requests: u64) -> io::Result<Cost> {
    let (before, start) = (server.used()?, Instant::now());
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(client(server.address, requests / CONNECTIONS));
    }
    while let Some(ended) = clients.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    Ok(Cost {
        time: start.elapsed(),
        cpu: server.used()?.cpu - before.cpu,
    })
}

async fn client(address: SocketAddr, requests: u64) -> io::Result<()> {
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let request = format!(
        "POST {SMALL} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 24\r\n\r\ngrant_type=refresh_token"
    );
    let mut buffer = [0; 1 << 10];
    let mut whole = None;
    for _ in 0..requests {
        socket.write_all(request.as_bytes()).await?;
        let mut length = 0;
        while Some(length) != whole {
            match socket.read(&mut buffer[length..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => length += more,
            }
            // All answers are as long as the first.
            whole = whole.or_else(|| end(&buffer[..length]));
        }
        if !buffer.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other(
                String::from_utf8_lossy(&buffer[..length]).into_owned(),
            ));
        }
    }
    Ok(())
}

/// How long an answer is, once its head is whole.
fn end(answer: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(answer).ok()?;
    let head = text.find("\r\n\r\n")? + 4;
    let length = text[..head].lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length:")
            .map(|value| value.trim().parse::<usize>())
    });
    Some(head + length?.ok()?)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
