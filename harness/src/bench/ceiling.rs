//! How fast the server itself is: a reader that looks at nothing.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use loginproof_mocks::server::{MockServer, ServerConfig};
use serde_json::json;

use super::workload::Served;

/// Readings; the fastest counts.
const TIMES: usize = 3;
/// The longest silence of the server.
const SILENCE: Duration = Duration::from_secs(30);

/// Megabytes per second that a plain reader gets of this stream over loopback, without TLS. No program can be faster.
///
/// # Errors
/// In words, when the server cannot be asked.
pub async fn ceiling(served: &Served) -> Result<f64, String> {
    let scenario = served
        .scenario(&json!([]))
        .map_err(|error| error.to_string())?;
    let server = MockServer::start(ServerConfig {
        script: scenario.server,
        fixtures: served.fixtures.clone(),
        ..ServerConfig::default()
    });
    let server = server.await.map_err(|error| error.to_string())?;
    let address = server.address();
    let mut best = 0.0_f64;
    for _ in 0..TIMES {
        let read = tokio::task::spawn_blocking(move || read(address)).await;
        let rate = read.map_err(|error| error.to_string())?;
        best = best.max(rate.map_err(|error| format!("the plain reader: {error}"))?);
    }
    server.stop().await;
    Ok(best)
}

/// Asks once and reads to the end. Megabytes per second, from the first byte to the last.
fn read(address: SocketAddr) -> io::Result<f64> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(SILENCE))?;
    socket.write_all(
        b"POST /v1/responses HTTP/1.1\r\nhost: loginproof\r\nconnection: close\r\n\
          content-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
    )?;
    let mut buffer = vec![0; 256 << 10];
    let mut total = socket.read(&mut buffer)?;
    let first = Instant::now();
    let mut before = first;
    loop {
        let count = socket.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        total += count;
        before = Instant::now();
    }
    let time = before.duration_since(first).max(Duration::from_micros(1));
    Ok(total as f64 / 1e6 / time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use loginproof_streams::{Kind, Stream};

    use super::*;
    use crate::bench::workload::{Pace, Reading};

    #[test]
    fn the_server_is_read_to_the_end() {
        let reading = Reading::of(Stream::new(Kind::Text, 1).bytes).unwrap();
        let served = Served::new(reading, Pace::Full).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let rate = runtime.block_on(ceiling(&served)).unwrap();
        assert!(rate > 0.1, "{rate}");
    }
}
