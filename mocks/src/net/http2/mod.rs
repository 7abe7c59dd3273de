//! HTTP/2 (RFC 9113): requests come over streams of one connection, several at once, and every stream is a
//! conversation of its own.

mod line;
mod stream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::line::{Line, Watched};
use self::stream::Stream;
use super::connection::decoded;
use super::http1::{LONGEST_BODY, Refused, split_target};
use super::{Door, Incoming, Nonsense, Transport};
use crate::conversation::exchange;
use crate::message::Request;
use crate::responder::Responder;

/// How long a client may take to begin.
const PREFACE_BOUND: Duration = Duration::from_secs(10);
/// How long streams may take to notice that their connection is over.
const END_BOUND: Duration = Duration::from_secs(5);
/// How much of requests' bodies may be on its way, per stream and in all.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
/// How many requests may wait for their answers.
const MOST_STREAMS: u32 = 256;

/// Answers the requests of a connection. Gives back how many there were.
pub(crate) async fn serve<T: Transport + 'static>(
    transport: T,
    door: &Arc<Door>,
    responder: &Arc<Responder>,
) -> u64 {
    let Ok(line) = Line::new(transport.socket()) else {
        return 0;
    };
    let mut settings = h2::server::Builder::new();
    settings
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MOST_STREAMS);
    let watched = Watched::new(transport, Arc::clone(&line));
    let begun = timeout(PREFACE_BOUND, settings.handshake::<_, Bytes>(watched)).await;
    let Ok(Ok(mut connection)) = begun else {
        return 0;
    };
    let mut streams = JoinSet::new();
    let mut requests = 0;
    loop {
        let accepted = tokio::select! {
            accepted = line.drive(&mut connection) => accepted,
            () = line.woken() => continue,
            () = line.cut() => break,
            Some(_) = streams.join_next() => continue,
        };
        let Some(Ok((request, respond))) = accepted else {
            break;
        };
        requests += 1;
        let stream = Stream::new(respond, Arc::clone(&line));
        streams.spawn(converse(
            request,
            stream,
            Arc::clone(door),
            Arc::clone(responder),
        ));
    }
    drop(connection);
    line.end();
    // Their writes fail now, and they write that down.
    let ended = async { while streams.join_next().await.is_some() {} };
    let _ = timeout(END_BOUND, ended).await;
    requests
}

/// One request and its answer.
async fn converse(
    request: http::Request<RecvStream>,
    mut stream: Stream,
    door: Arc<Door>,
    responder: Arc<Responder>,
) {
    // A client that goes away while it asks has not asked.
    if let Some(read) = read(request).await {
        exchange(&mut stream, read, &door, &responder).await;
        stream.end();
    }
}

/// Reads a request whole. None when the client goes away meanwhile.
async fn read(request: http::Request<RecvStream>) -> Option<Result<Incoming, Box<Nonsense>>> {
    let arrived = Instant::now();
    let (parts, mut stream) = request.into_parts();
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let target = parts
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let (path, query) = split_target(target);
    let mut request = Request {
        method: parts.method.as_str().to_owned(),
        target: target.to_owned(),
        path,
        query,
        version: "HTTP/2",
        host: parts.uri.authority().map(ToString::to_string),
        headers,
        ..Request::default()
    };
    let head: usize = request
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let mut body = BytesMut::new();
    let mut refused = None;
    while let Some(data) = stream.data().await {
        let data = data.ok()?;
        stream.flow_control().release_capacity(data.len()).ok()?;
        if body.len() + data.len() > LONGEST_BODY {
            refused = Some(Refused {
                status: 413,
                message: "the body of the request is larger than 64 MiB".to_owned(),
            });
            break;
        }
        body.extend_from_slice(&data);
    }
    request.body = body.freeze();
    let wire_bytes = (head + request.target.len() + request.body.len()) as u64;
    if refused.is_none() {
        match decoded(&request.headers, &request.body) {
            Ok(decoded) => request.decoded = decoded,
            Err(error) => refused = Some(error),
        }
    }
    let incoming = Incoming {
        request,
        wire_bytes,
        arrived,
        keep_alive: true,
    };
    Some(match refused {
        None => Ok(incoming),
        Some(refused) => Err(Box::new(Nonsense {
            status: refused.status,
            message: refused.message,
            incoming,
        })),
    })
}
