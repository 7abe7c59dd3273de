//! A raw client: sends bytes as they are, and sees bytes as they come.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "each test binary uses its part"
)]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use loginproof_mocks::{Fixtures, MockServer, ServerConfig};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Bound of every wait.
pub(crate) const BOUND: Duration = Duration::from_secs(10);

/// A server with this `server:` part of a scenario.
pub(crate) async fn server(script: Value) -> MockServer {
    start(ServerConfig {
        script: serde_json::from_value(script).unwrap(),
        ..ServerConfig::default()
    })
    .await
}

/// A server with this script and these fixtures.
pub(crate) async fn server_with(script: Value, fixtures: &[(&str, &str)]) -> MockServer {
    let files = fixtures
        .iter()
        .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
    start(ServerConfig {
        script: serde_json::from_value(script).unwrap(),
        fixtures: Arc::new(Fixtures::from_files(files).unwrap()),
        ..ServerConfig::default()
    })
    .await
}

pub(crate) async fn start(config: ServerConfig) -> MockServer {
    MockServer::start(config).await.unwrap()
}

/// Waits for something in the journal.
pub(crate) async fn until(server: &MockServer, mut holds: impl FnMut() -> bool) {
    let mut changed = server.journal().changed();
    let wait = async {
        while !holds() {
            changed.changed().await.unwrap();
        }
    };
    timeout(BOUND, wait)
        .await
        .expect("the journal never shows it");
}

/// A connection without any knowledge of HTTP.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

impl Client {
    pub(crate) async fn connect(server: &MockServer) -> Self {
        Self {
            stream: TcpStream::connect(server.address()).await.unwrap(),
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Sends a request with a JSON body.
    pub(crate) async fn post(&mut self, path: &str, body: &str) {
        let length = body.len();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
        .await;
    }

    /// The next bytes are exactly these.
    pub(crate) async fn expect(&mut self, text: &str) {
        let mut bytes = vec![0; text.len()];
        let read = timeout(BOUND, self.stream.read_exact(&mut bytes))
            .await
            .expect("nothing comes");
        read.unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)));
        assert_eq!(String::from_utf8_lossy(&bytes), text);
    }

    /// Everything until the other side ends, and how it ends.
    pub(crate) async fn rest(&mut self) -> (String, io::Result<()>) {
        let mut bytes = Vec::new();
        let ended = timeout(BOUND, self.stream.read_to_end(&mut bytes))
            .await
            .expect("no end");
        (
            String::from_utf8_lossy(&bytes).into_owned(),
            ended.map(|_| ()),
        )
    }
}
