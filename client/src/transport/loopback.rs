//! A listener on this machine that a browser is led back to (RFC 8252 §7.3).

use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The listener. Only this machine can reach it.
pub struct Loopback {
    listener: TcpListener,
    port: u16,
    reading: FuturesUnordered<Reading>,
}

type Reading = Pin<Box<dyn Future<Output = Option<Visit>> + Send>>;

/// A request that a browser made, still to be answered.
#[derive(Debug)]
pub struct Visit {
    /// The path without the query.
    pub path: String,
    /// What stands behind the question mark.
    pub query: String,
    stream: TcpStream,
}

/// How long a browser may take over a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest request head that is read.
const LONGEST_HEAD: usize = 16 * 1024;
/// Connections that are read at once. A browser opens some that it never uses.
const CONNECTIONS: usize = 32;

impl std::fmt::Debug for Loopback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Loopback({})", self.port)
    }
}

impl Loopback {
    /// Listens on the first of these ports that is free; 0 stands for any.
    ///
    /// # Errors
    /// None of them is.
    pub async fn bind(ports: &[u16]) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for port in ports {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).await {
                Ok(listener) => {
                    return Ok(Self {
                        port: listener.local_addr()?.port(),
                        listener,
                        reading: FuturesUnordered::new(),
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next request, whatever its path. Connections that bring none are no hindrance.
    pub async fn visit(&mut self) -> Visit {
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if self.reading.len() < CONNECTIONS => match accepted {
                    Ok((stream, _)) => self.reading.push(Box::pin(read(stream))),
                    // Out of descriptors, or a connection that is gone again.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(Some(visit)) = self.reading.next(), if !self.reading.is_empty() => return visit,
                else => {}
            }
        }
    }
}

impl Visit {
    /// Answers with a small page. A browser that went away is no reason to fail.
    pub async fn answer(mut self, status: &str, title: &str, text: &str) {
        let page = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
             <body style=\"font-family:sans-serif;max-width:36em;margin:4em auto\"><h1>{title}</h1><p>{text}</p></body></html>\n"
        );
        // The URL holds the code: it must not go on as a referrer or stay in a cache.
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
             cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n",
            page.len()
        );
        let write = async {
            self.stream.write_all(head.as_bytes()).await?;
            self.stream.write_all(page.as_bytes()).await?;
            self.stream.shutdown().await
        };
        let _ = tokio::time::timeout(PATIENCE, write).await;
    }
}

/// Reads one request; what is no GET gets its refusal at once.
async fn read(mut stream: TcpStream) -> Option<Visit> {
    let mut head = Vec::new();
    let whole = async {
        let mut buffer = [0; 2048];
        while !head.windows(4).any(|w| w == b"\r\n\r\n") {
            let count = stream.read(&mut buffer).await.ok()?;
            if count == 0 || head.len() > LONGEST_HEAD {
                return None;
            }
            head.extend_from_slice(&buffer[..count]);
        }
        Some(())
    };
    tokio::time::timeout(PATIENCE, whole).await.ok()??;
    let line = head.split(|b| *b == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let visit = Visit {
        path: path.to_owned(),
        query: query.to_owned(),
        stream,
    };
    if method == "GET" {
        return Some(visit);
    }
    let refusal = visit.answer(
        "405 Method Not Allowed",
        "Not allowed",
        "Only GET is answered.",
    );
    refusal.await;
    None
}
