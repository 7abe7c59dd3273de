//! The journal as an HTTP archive, HAR 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>). What the
//! format has no word for stands in custom fields, which begin with an underscore.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Exchange, Frame, RecordedAnswer};
use crate::message::{header, reason};

pub(super) fn to_har(exchanges: &[Arc<Exchange>], start: SystemTime) -> Value {
    // Turns over a WebSocket stand among the frames of the request that opened it.
    let entries: Vec<Value> = exchanges
        .iter()
        .filter(|exchange| exchange.over.is_none())
        .map(|exchange| entry(exchange, start))
        .collect();
    json!({
        "log": {
            "version": "1.2",
            "creator": { "name": "loginproof", "version": env!("CARGO_PKG_VERSION") },
            "entries": entries,
        }
    })
}

/// Text as it is, other bytes in base64 (then `true`).
pub(super) fn text_or_base64(bytes: &[u8]) -> (String, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (STANDARD.encode(bytes), true),
    }
}

fn entry(exchange: &Exchange, start: SystemTime) -> Value {
    let request = &exchange.request;
    let answer = exchange.answer.as_ref();
    let started = answer.map_or(request.arrived, |answer| answer.started);
    let ended = answer.map_or(started, |answer| answer.ended);
    let date = jiff::Timestamp::try_from(start + request.arrived).unwrap_or_default();
    let mut entry = json!({
        "startedDateTime": format!("{date:.3}"),
        "time": milliseconds(request.arrived, ended),
        "request": request_part(exchange),
        "response": response_part(answer, request.version),
        "cache": {},
        "timings": {
            "send": 0,
            "wait": milliseconds(request.arrived, started),
            "receive": milliseconds(started, ended),
        },
        "connection": exchange.connection.to_string(),
        "_id": exchange.id,
        "_endpoint": exchange.endpoint,
        "_nth": exchange.nth,
        "_expected": exchange.expected,
        "_access": exchange.access.state,
        "_accessGeneration": exchange.access.generation,
        "_refresh": exchange.refresh.state,
        "_refreshGeneration": exchange.refresh.generation,
        "_rule": answer.and_then(|answer| answer.rule.as_deref()),
        "_fixture": answer.and_then(|answer| answer.fixture.as_deref()),
        "_ending": answer.map(|answer| format!("{:?}", answer.ending)),
        "_missedFaults": answer.map(|answer| &answer.missed),
    });
    if !exchange.frames.is_empty() {
        entry["_resourceType"] = "websocket".into();
        entry["_webSocketMessages"] = exchange.frames.iter().map(Frame::to_json).collect();
    }
    entry
}

fn request_part(exchange: &Exchange) -> Value {
    let request = &exchange.request;
    let absolute = request.target.contains("://");
    let url = if absolute {
        request.target.clone()
    } else {
        format!("{}{}", request.origin, request.target)
    };
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let mut part = json!({
        "method": request.method,
        "url": url,
        "httpVersion": request.version,
        "cookies": [],
        "headers": headers(&request.headers),
        "queryString": headers(&pairs),
        "headersSize": -1,
        "bodySize": request.body.len(),
        "_wireBytes": request.wire_bytes,
    });
    if !request.decoded.is_empty() {
        let (text, base64) = text_or_base64(&request.decoded);
        part["postData"] = json!({
            "mimeType": header(&request.headers, "content-type").unwrap_or(""),
            "text": text,
        });
        if base64 {
            part["postData"]["_encoding"] = "base64".into();
        }
    }
    part
}

fn response_part(answer: Option<&RecordedAnswer>, asked_in: &str) -> Value {
    // HAR asks for a response in every entry; status 0 is what browsers write when there was none.
    let Some(answer) = answer else {
        return json!({
            "status": 0, "statusText": "", "httpVersion": "", "cookies": [], "headers": [],
            "content": { "size": 0, "mimeType": "" }, "redirectURL": "", "headersSize": -1, "bodySize": -1,
        });
    };
    let (text, base64) = text_or_base64(&answer.body);
    let mut content = json!({
        "size": answer.body.len(),
        "mimeType": header(&answer.headers, "content-type").unwrap_or(""),
        "text": text,
    });
    if base64 {
        content["encoding"] = "base64".into();
    }
    if answer.truncated {
        content["comment"] = "only the first MiB is kept".into();
    }
    json!({
        "status": answer.status,
        "statusText": reason(answer.status),
        "httpVersion": if asked_in == "HTTP/2" { asked_in } else { "HTTP/1.1" },
        "cookies": [],
        "headers": headers(&answer.headers),
        "content": content,
        "redirectURL": header(&answer.headers, "location").unwrap_or(""),
        "headersSize": -1,
        "bodySize": -1,
        "_wireBytes": answer.wire_bytes,
    })
}

fn headers(headers: &[(String, String)]) -> Value {
    headers
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}

fn milliseconds(from: Duration, to: Duration) -> f64 {
    (to.saturating_sub(from).as_secs_f64() * 1e6).round() / 1e3
}
