//! What the tests over sockets share: a session on a folder of its own, tokens, streams, and a server made of bytes.

#![expect(dead_code, reason = "each test program uses its own part")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use loginproof_client::session::{Config, Notice, Session};
use loginproof_client::transport::Limits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A user with a folder.
pub(crate) struct User {
    pub(crate) session: Session,
    pub(crate) folder: Arc<tempfile::TempDir>,
    pub(crate) notices: Arc<Mutex<Vec<Notice>>>,
}

impl User {
    pub(crate) fn new(origin: &str) -> Self {
        Self::sharing(
            origin,
            Arc::new(tempfile::tempdir().unwrap()),
            Limits::default(),
        )
    }

    pub(crate) fn impatient(origin: &str, idle: Duration) -> Self {
        Self::sharing(
            origin,
            Arc::new(tempfile::tempdir().unwrap()),
            Limits::with_idle(idle),
        )
    }

    pub(crate) fn sharing(origin: &str, folder: Arc<tempfile::TempDir>, limits: Limits) -> Self {
        Self::with(origin, folder, limits, |_| {})
    }

    /// A user whose settings differ from the usual.
    pub(crate) fn with(
        origin: &str,
        folder: Arc<tempfile::TempDir>,
        limits: Limits,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let notices = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&notices);
        let mut config = Config {
            issuer: format!("{origin}/"),
            base_url: format!("{origin}/backend-api/codex"),
            model: "gpt-5.5".into(),
            fast: false,
            websocket: false,
            fallback: None,
            tool: None,
            store: folder.path().join("auth.json"),
            limits,
        };
        change(&mut config);
        let session = Session::new(
            config,
            Arc::new(move |notice| seen.lock().unwrap().push(notice)),
        );
        Self {
            session,
            folder,
            notices,
        }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("auth.json")
    }

    /// Writes a credential file whose access token ends so many seconds from now.
    pub(crate) fn signed_in(self, pair: u32, ends_in: i64) -> Self {
        std::fs::write(self.store(), credential_file(pair, ends_in)).unwrap();
        self
    }

    pub(crate) fn stored(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.store()).unwrap()).unwrap()
    }

    /// The answer's text, or the error's.
    pub(crate) async fn ask(&self) -> Result<String, String> {
        match self.session.ask(0, "Say hello.").await {
            Ok(answered) => Ok(answered.response.text()),
            Err(error) => Err(error.to_string()),
        }
    }
}

pub(crate) fn access(pair: u32) -> String {
    format!("at_loginproof_{pair:04}")
}

pub(crate) fn refresh(pair: u32) -> String {
    format!("rt_loginproof_{pair:04}")
}

pub(crate) fn credential_file(pair: u32, ends_in: i64) -> String {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64;
    json!({
        "version": 1,
        "tokens": { "access_token": access(pair), "refresh_token": refresh(pair), "id_token": null, "account_id": "acct_loginproof" },
        "expires_at": now + ends_in,
        "last_refresh": "2026-01-01T00:00:00Z",
    })
    .to_string()
}

pub(crate) fn token_answer(pair: u32) -> Value {
    json!({ "access_token": access(pair), "refresh_token": refresh(pair), "expires_in": 3600 })
}

/// An event as its server writes it.
pub(crate) fn event(data: &Value) -> String {
    format!(
        "event: {}\ndata: {data}\n\n",
        data["type"].as_str().unwrap()
    )
}

/// A whole stream with this text as its answer.
pub(crate) fn hello(text: &str) -> String {
    [
        json!({ "type": "response.created", "response": { "id": "resp_loginproof" } }),
        json!({ "type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text }),
        json!({ "type": "response.completed", "response": { "id": "resp_loginproof", "status": "completed", "output": [] } }),
    ]
    .iter()
    .map(event)
    .collect()
}

/// The head of an event stream, chunked.
pub(crate) const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// One HTTP chunk.
pub(crate) fn chunk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A listener for connections that are answered byte by byte.
pub(crate) struct Raw {
    pub(crate) origin: String,
    listener: TcpListener,
}

impl Raw {
    pub(crate) async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            origin: format!("http://{}", listener.local_addr().unwrap()),
            listener,
        }
    }

    /// The next connection, after its request was read.
    pub(crate) async fn accept(&self) -> TcpStream {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut request = Vec::new();
        loop {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "the client went away within its request");
            request.extend_from_slice(&buffer[..count]);
            let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
            let length: usize = head
                .lines()
                .find_map(|l| l.strip_prefix("content-length: "))
                .map_or(0, |v| v.trim().parse().unwrap());
            if request.len() >= end + 4 + length {
                return stream;
            }
        }
    }

    /// Answers the next connection with these bytes and closes it.
    pub(crate) async fn answer(&self, bytes: impl AsRef<[u8]>) {
        let mut stream = self.accept().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

/// Ends a connection with a reset instead of a proper close.
pub(crate) fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}
