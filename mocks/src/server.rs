//! One mock server: a listener, its connections, and everything behind them.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::authorization::AuthorizationServer;
use crate::conversation::converse;
use crate::fixture::Fixtures;
use crate::gate::Gates;
use crate::hosts::{Hosts, canonical};
use crate::journal::Journal;
use crate::net::{
    Allotment, CertificateAuthority, CertificateError, Connection, Door, H2, HTTP_1_1, Reception,
    http2, listen,
};
use crate::responder::Responder;
use crate::routes::{ServerState, router};
use crate::rulebook::{Rulebook, ScriptProblem, validate};
use crate::script::Script;

pub use crate::net::{Front, PROXY_PASSWORD, PROXY_USER, Peer, ProxyKind, Sockets, Who};

/// The fixture that answers a turn when no rule does.
pub const DEFAULT_STREAM: &str = "responses/hello";

/// How long `stop` waits for tasks that were told to end.
const STOP_BOUND: Duration = Duration::from_secs(5);

/// How long a TLS handshake may take.
const HANDSHAKE_BOUND: Duration = Duration::from_secs(10);

/// A running mock server. Dropping it closes its listener and all its connections.
#[derive(Debug)]
pub struct MockServer {
    origin: String,
    address: SocketAddr,
    proxy: Option<SocketAddr>,
    /// Whom to ask whether all packets are seen.
    packets: Option<mpsc::Sender<oneshot::Sender<()>>>,
    responder: Arc<Responder>,
    stop: watch::Sender<bool>,
    listening: JoinHandle<()>,
}

/// What a server is made from.
pub struct ServerConfig {
    /// What it does differently from the real one.
    pub script: Script,
    /// Recorded answers.
    pub fixtures: Arc<Fixtures>,
    /// All randomness comes from here: tokens, codes, seeded faults.
    pub seed: u64,
    /// Where it listens on the machine's own loopback, whatever else is listened on: a program that can be led there,
    /// and the person's browser. Port 0 takes any free one.
    pub bind: SocketAddr,
    /// Speak TLS, with certificates of this authority.
    pub tls: Option<Arc<CertificateAuthority>>,
    /// What is answered 404 and judged by nobody: `/path/prefix` on our hosts, `host`, `*.host`, `host/prefix`.
    pub ambient: Vec<String>,
    /// Where a program arrives that dials hosts by their own names.
    pub front: Option<Front>,
    /// Signs the certificates of the front. A front needs one.
    pub authority: Option<Arc<CertificateAuthority>>,
    /// The names this server answers for at the front: `auth.openai.com`, `*.x.ai`.
    pub hosts: Vec<String>,
    /// The issuer that minted tokens name. The server's own origin, when left out.
    pub issuer: Option<String>,
    /// Says which process a client of the front is.
    pub who: Option<Who>,
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig")
            .field("bind", &self.bind)
            .field("front", &self.front)
            .field("hosts", &self.hosts)
            .field("ambient", &self.ambient)
            .finish_non_exhaustive()
    }
}

impl Default for ServerConfig {
    /// A real server on any free port of 127.0.0.1, without fixtures.
    fn default() -> Self {
        Self {
            script: Script::default(),
            fixtures: Arc::default(),
            seed: 0,
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            ambient: Vec::new(),
            front: None,
            authority: None,
            hosts: Vec::new(),
            issuer: None,
            who: None,
        }
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The script names what does not exist, or contradicts itself.
    #[error("{}: {}", .0[0].rule, .0[0].message)]
    Script(Vec<ScriptProblem>),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The front cannot be served.
    #[error("cannot serve the front: {0}")]
    Front(io::Error),
    /// A front without anybody who signs its certificates.
    #[error("a front needs a certificate authority")]
    NoAuthority,
    /// There is no certificate to speak TLS with.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl MockServer {
    /// Starts a server in the running tokio runtime.
    ///
    /// # Errors
    /// When the script has problems, or the address cannot be listened on.
    pub async fn start(config: ServerConfig) -> Result<Self, StartError> {
        let problems = validate(&config.script, &config.fixtures);
        if !problems.is_empty() {
            return Err(StartError::Script(problems));
        }
        let failed = |source| StartError::Listen {
            address: config.bind,
            source,
        };
        let listener = TcpListener::bind(config.bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let host = address.ip().to_string();
        let http = config.script.http;
        let tls = config
            .tls
            .map(|authority| authority.server_config(&host, own_protocols(http)))
            .transpose()?
            .map(TlsAcceptor::from);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let origin = format!("{scheme}://{address}");
        let issuer = config.issuer.as_deref().unwrap_or(&origin);
        let authorization =
            AuthorizationServer::new(config.script.authorization.clone(), config.seed, issuer);
        let stream = config
            .fixtures
            .get(DEFAULT_STREAM)
            .map(|fixture| fixture.body.clone());
        let default_stream = stream.unwrap_or(Bytes::from_static(BUILT_IN_STREAM));
        let state = ServerState {
            authorization: authorization.clone(),
            default_stream: default_stream.clone(),
            websocket: config.script.websocket.is_some(),
        };
        let responder = Arc::new(Responder {
            rulebook: Rulebook::new(&config.script, &config.fixtures),
            fixtures: config.fixtures,
            journal: Arc::new(Journal::new()),
            gates: Arc::default(),
            authorization,
            router: router(state),
            default_stream,
            origin: origin.clone(),
            seed: config.seed,
            hosts: Hosts::new(&config.hosts, &config.ambient),
            allotment: Allotment::default(),
            connections: AtomicU64::new(0),
            who: config.who,
            response_ids: AtomicU64::new(0),
        });
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut proxy = None;
        let mut packets = None;
        if let Some(front) = config.front {
            let authority = config.authority.ok_or(StartError::NoAuthority)?;
            let reception =
                Reception::new(Arc::clone(&responder), authority, front_protocols(http))?;
            let reception = Arc::new(reception);
            match front {
                Front::Sockets(sockets) => {
                    let ask = reception.open(sockets, &stopped, &mut tasks);
                    packets = Some(ask.map_err(StartError::Front)?);
                }
                Front::Proxy(kind) => {
                    let address = reception.open_proxy(kind, &stopped, &mut tasks).await;
                    proxy = Some(address.map_err(StartError::Front)?);
                }
            }
        }
        let own = Arc::clone(&responder);
        tasks.spawn(listen(listener, stopped, move |socket| {
            serve(socket, tls.clone(), Arc::clone(&own))
        }));
        let listening = tokio::spawn(async move { while tasks.join_next().await.is_some() {} });
        Ok(Self {
            origin,
            address,
            proxy,
            packets,
            responder,
            stop,
            listening,
        })
    }

    /// `http://127.0.0.1:PORT`, or `https://…`, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its forward proxy listens, when that is its front.
    #[must_use]
    pub fn proxy(&self) -> Option<SocketAddr> {
        self.proxy
    }

    /// Whether it answers for a host.
    #[must_use]
    pub fn is_ours(&self, host: &str) -> bool {
        self.responder.hosts.is_ours(&canonical(host))
    }

    /// What crossed the wire.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.responder.journal
    }

    /// Waits until every packet that programs have sent so far is seen, so that the journal tells of all attempts.
    pub async fn seen_all(&self) {
        let Some(packets) = &self.packets else { return };
        let (ask, answered) = oneshot::channel();
        if packets.send(ask).await.is_ok() {
            // Who watches either answers or has ended.
            let _ = timeout(STOP_BOUND, answered).await;
        }
    }

    /// The authorization server.
    #[must_use]
    pub fn authorization(&self) -> &AuthorizationServer {
        &self.responder.authorization
    }

    /// The gates that rules name under `hold`.
    #[must_use]
    pub fn gates(&self) -> &Gates {
        &self.responder.gates
    }

    /// Closes the listener and all connections, and waits until their tasks have ended. Whatever is being
    /// answered ends where it is. Gives back the journal, which is complete then.
    pub async fn stop(mut self) -> Arc<Journal> {
        self.stop.send_replace(true);
        // The tasks are cancelled, so only one that blocks could keep this waiting.
        let _ = timeout(STOP_BOUND, &mut self.listening).await;
        Arc::clone(&self.responder.journal)
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// A connection to the server's own listener.
async fn serve(socket: TcpStream, tls: Option<TlsAcceptor>, responder: Arc<Responder>) {
    let door = Door {
        number: responder.connections.fetch_add(1, Ordering::Relaxed) + 1,
        dialled: None,
    };
    match tls {
        None => {
            converse(Connection::new(socket), &door, &responder).await;
        }
        // In a box, so that connections without TLS do not have its size.
        Some(tls) => Box::pin(serve_tls(socket, tls, door, &responder)).await,
    }
}

async fn serve_tls(socket: TcpStream, tls: TlsAcceptor, door: Door, responder: &Arc<Responder>) {
    // A client that does not trust the authority ends here; it never asked anything.
    if let Ok(Ok(stream)) = timeout(HANDSHAKE_BOUND, tls.accept(socket)).await {
        if stream.get_ref().1.alpn_protocol() == Some(H2) {
            http2::serve(stream, &Arc::new(door), responder).await;
        } else {
            converse(Connection::new(stream), &door, responder).await;
        }
    }
}

/// What is spoken over TLS at the server's own listener.
fn own_protocols(http: Option<u8>) -> &'static [&'static [u8]] {
    match http {
        Some(2) => &[H2],
        _ => &[HTTP_1_1],
    }
}

/// What is spoken over TLS at the front, where the vendors' hosts speak both.
fn front_protocols(http: Option<u8>) -> &'static [&'static [u8]] {
    match http {
        Some(1) => &[HTTP_1_1],
        Some(2) => &[H2],
        _ => &[H2, HTTP_1_1],
    }
}

/// What a turn is answered without rules and without a fixture.
const BUILT_IN_STREAM: &[u8] = include_bytes!("default_stream.sse");
