//! The journal as lines of JSON.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::har::text_or_base64;
use super::{Exchange, Frame};
use crate::authorization::TokenSeen;

pub(super) fn to_jsonl(exchanges: &[Arc<Exchange>]) -> String {
    exchanges
        .iter()
        .map(|exchange| format!("{}\n", line(exchange)))
        .collect()
}

fn line(exchange: &Exchange) -> Value {
    let request = &exchange.request;
    let answer = exchange.answer.as_ref().map(|answer| {
        json!({
            "status": answer.status,
            "headers": answer.headers,
            "body": body(&answer.body),
            "truncated": answer.truncated,
            "wire_bytes": answer.wire_bytes,
            "started_ms": milliseconds(answer.started),
            "ended_ms": milliseconds(answer.ended),
            "ending": format!("{:?}", answer.ending),
            "rule": answer.rule,
            "fixture": answer.fixture,
            "missed": answer.missed,
        })
    });
    json!({
        "id": exchange.id,
        "connection": exchange.connection,
        "endpoint": exchange.endpoint,
        "nth": exchange.nth,
        "expected": exchange.expected,
        "access": token(&exchange.access),
        "refresh": token(&exchange.refresh),
        "request": {
            "method": request.method,
            "target": request.target,
            "version": request.version,
            "host": request.host,
            "headers": request.headers,
            "body": body(&request.decoded),
            "truncated": request.truncated,
            "wire_bytes": request.wire_bytes,
            "arrived_ms": milliseconds(request.arrived),
        },
        "answer": answer,
        "over": exchange.over,
        "frames": exchange.frames.iter().map(Frame::to_json).collect::<Vec<_>>(),
    })
}

fn body(bytes: &[u8]) -> Value {
    match text_or_base64(bytes) {
        (text, false) => text.into(),
        (base64, true) => json!({ "base64": base64 }),
    }
}

fn token(seen: &TokenSeen) -> Value {
    json!({ "state": seen.state, "generation": seen.generation, "account": seen.account })
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
