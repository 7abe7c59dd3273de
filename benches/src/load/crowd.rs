//! Many streams side by side, one event a second each.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

use super::Figure;
use super::child::{STREAM, Server, What};

/// How many connections are opened before the others wait a little, so that no queue of the system runs over.
const BATCH: usize = 200;
/// All streams must run by then.
const OPENING: Duration = Duration::from_secs(60);

/// What all clients saw together.
#[derive(Debug, Default)]
struct Seen {
    running: usize,
    counting: bool,
    events: u64,
    /// Times between two events of one stream, in milliseconds.
    gaps: Vec<f64>,
}

pub(super) async fn measure(streams: usize, seconds: u64) -> io::Result<Vec<Figure>> {
    let server = Server::start(What::Mocks)?;
    LocalSet::new()
        .run_until(crowd(&server, streams, seconds))
        .await
}

async fn crowd(server: &Server, streams: usize, seconds: u64) -> io::Result<Vec<Figure>> {
    let seen = Rc::new(RefCell::new(Seen::default()));
    let mut clients = JoinSet::new();
    let idle = server.used()?;
    for number in 0..streams {
        clients.spawn_local(client(server.address, Rc::clone(&seen)));
        if number % BATCH == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    }
    let running = async {
        while seen.borrow().running < streams {
            sleep(Duration::from_millis(10)).await;
        }
    };
    if timeout(OPENING, running).await.is_err() {
        let running = seen.borrow().running;
        return Err(io::Error::other(format!(
            "only {running} of {streams} streams run"
        )));
    }
    let (before, start) = (server.used()?, Instant::now());
    seen.borrow_mut().counting = true;
    sleep(Duration::from_secs(seconds)).await;
    seen.borrow_mut().counting = false;
    let (after, took) = (server.used()?, start.elapsed());
    clients.shutdown().await;

    let mut seen = seen.borrow_mut();
    seen.gaps.sort_by(f64::total_cmp);
    let gap = |part: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let at = (part * seen.gaps.len().saturating_sub(1) as f64) as usize;
        seen.gaps.get(at).copied().unwrap_or(f64::NAN)
    };
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (count, events) = (streams as f64, seen.events as f64);
    let rate = events / took.as_secs_f64();
    let cpu = (after.cpu - before.cpu).as_secs_f64();
    Ok(vec![
        Figure::new("streams", "side by side", count, ""),
        Figure::new(
            "streams",
            "events a second, of each stream",
            rate / count,
            "",
        )
        .at_least(0.97),
        Figure::new(
            "streams",
            "time between two events, half of them within",
            gap(0.5),
            "ms",
        ),
        Figure::new(
            "streams",
            "time between two events, 99 % within",
            gap(0.99),
            "ms",
        ),
        Figure::new("streams", "server's cores", cpu / took.as_secs_f64(), "").at_most(2.0),
        Figure::new(
            "streams",
            "server's CPU for one event",
            cpu / events * 1e6,
            "us",
        ),
        Figure::new("streams", "server's memory", after.memory, "MB").at_most(200.0),
        Figure::new(
            "streams",
            "server's memory for one stream",
            (after.memory - idle.memory) / count * 1e3,
            "KB",
        ),
    ])
}

/// Reads one stream until it is told to stop by being dropped.
async fn client(address: SocketAddr, seen: Rc<RefCell<Seen>>) -> io::Result<()> {
    let mut socket = TcpStream::connect(address).await?;
    let request = format!(
        "POST {STREAM} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nauthorization: Bearer loginproof-load\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    socket.write_all(request.as_bytes()).await?;
    let mut buffer = [0; 1 << 10];
    let mut last: Option<Instant> = None;
    loop {
        let length = socket.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        // An event is one write of the server's, well below what is read at once.
        if !buffer[..length].windows(5).any(|window| window == b"data:") {
            continue;
        }
        let now = Instant::now();
        let mut seen = seen.borrow_mut();
        match last.replace(now) {
            None => seen.running += 1,
            Some(last) if seen.counting => {
                seen.events += 1;
                seen.gaps.push((now - last).as_secs_f64() * 1e3);
            }
            Some(_) => {}
        }
    }
}
