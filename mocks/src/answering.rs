//! From what a rule says to an answer: fixtures and answers written out, with their placeholders filled.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::fixture::{Fixture, Fixtures};
use crate::message::{Answer, media_type, reason};
use crate::script::{AnswerSpec, Endpoint, InlineAnswer};
use crate::template::{
    Escape, FillError, Placeholder, Template, Unfilled, UnknownPlaceholder, Values, fill_json,
    json_placeholders,
};

/// What an answer says, with the values of one exchange.
///
/// # Errors
/// When the real server's answer lacks a value.
pub(crate) fn make(
    spec: &AnswerSpec,
    fixtures: &Fixtures,
    values: &Values,
) -> Result<Answer, FillError> {
    match spec {
        AnswerSpec::Fixture(name) => match fixtures.get(name) {
            Some(fixture) => Ok(from_fixture(fixture, values)?),
            // `validate` refuses a script that names it.
            None => Ok(Answer::new(
                500,
                Vec::new(),
                format!("there is no fixture `{name}`"),
            )),
        },
        AnswerSpec::Inline(inline) => from_inline(inline, values),
    }
}

/// The body of an event stream, with its placeholders filled.
pub(crate) fn fill_stream(body: &[u8], values: &Values) -> Result<Bytes, FillError> {
    Ok(Template::parse(body)?.fill(values, Escape::Json)?)
}

/// The placeholders of an answer.
pub(crate) fn placeholders(
    spec: &AnswerSpec,
    fixtures: &Fixtures,
) -> Result<Vec<Placeholder>, UnknownPlaceholder> {
    let inline = match spec {
        AnswerSpec::Fixture(name) => {
            return Ok(fixtures
                .get(name)
                .into_iter()
                .flat_map(Fixture::placeholders)
                .collect());
        }
        AnswerSpec::Inline(inline) => inline,
    };
    let mut found = Vec::new();
    let texts = inline.headers.values().chain(&inline.text);
    for text in texts {
        found.extend(Template::parse(text.as_bytes())?.placeholders());
    }
    for value in inline.json.iter().chain(inline.events.iter().flatten()) {
        found.extend(json_placeholders(value)?);
    }
    Ok(found)
}

/// What is wrong with an answer, whatever the request.
pub(crate) fn problems(spec: &AnswerSpec, endpoint: Endpoint, fixtures: &Fixtures) -> Vec<String> {
    let mut problems = match spec {
        AnswerSpec::Fixture(name) if fixtures.get(name).is_none() => {
            vec![unknown_fixture(name, fixtures)]
        }
        AnswerSpec::Fixture(_) => Vec::new(),
        AnswerSpec::Inline(inline) => inline_problems(inline),
    };
    match placeholders(spec, fixtures) {
        Err(error) => problems.push(format!("answer: {error}")),
        Ok(found) => {
            let foreign = found.iter().filter_map(|placeholder| match placeholder {
                Placeholder::Minted(name) if !mints(endpoint).contains(name) => Some(name),
                _ => None,
            });
            problems.extend(foreign.map(|name| {
                format!("answer: the real server has no `{{{{{name}}}}}` to give at this endpoint")
            }));
        }
    }
    problems
}

/// What the real server's answer at an endpoint holds.
fn mints(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::Usercode => &[
            "device_auth_id",
            "user_code",
            "device_code",
            "verification_uri",
            "verification_uri_complete",
        ],
        Endpoint::Poll => &[
            "authorization_code",
            "code_verifier",
            "code_challenge",
            "access_token",
            "refresh_token",
            "id_token",
        ],
        Endpoint::Token => &["access_token", "refresh_token", "id_token"],
        _ => &[],
    }
}

fn from_fixture(fixture: &Fixture, values: &Values) -> Result<Answer, Unfilled> {
    let names = fixture.headers.iter().map(|(name, _)| name);
    let headers = names
        .zip(&fixture.header_templates)
        .map(|(name, template)| {
            let value = template.fill(values, Escape::Header)?;
            Ok((name.clone(), String::from_utf8_lossy(&value).into_owned()))
        });
    let kind = fixture.media_type();
    let json = kind.ends_with("json") || kind.eq_ignore_ascii_case("text/event-stream");
    let escape = if json { Escape::Json } else { Escape::None };
    Ok(Answer {
        status: fixture.status,
        reason: fixture.reason.clone(),
        headers: headers.collect::<Result<_, _>>()?,
        body: fixture.body_template.fill(values, escape)?,
    })
}

fn from_inline(inline: &InlineAnswer, values: &Values) -> Result<Answer, FillError> {
    let (kind, body) = match (&inline.json, &inline.text, &inline.events) {
        (Some(json), _, _) => (
            "application/json",
            fill_json(json, values)?.to_string().into(),
        ),
        (_, Some(text), _) => {
            let kind = if text.starts_with('<') {
                "text/html"
            } else {
                "text/plain"
            };
            (
                kind,
                Template::parse(text.as_bytes())?.fill(values, Escape::None)?,
            )
        }
        (_, _, Some(events)) => ("text/event-stream", stream(events, values)?.into()),
        (None, None, None) => ("", Bytes::new()),
    };
    let mut headers = Vec::new();
    let named = inline
        .headers
        .keys()
        .any(|name| name.eq_ignore_ascii_case("content-type"));
    if !named && !kind.is_empty() {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    for (name, value) in &inline.headers {
        let value = Template::parse(value.as_bytes())?.fill(values, Escape::Header)?;
        headers.push((name.clone(), String::from_utf8_lossy(&value).into_owned()));
    }
    Ok(Answer {
        status: inline.status,
        reason: reason(inline.status).to_owned(),
        headers,
        body,
    })
}

fn stream(events: &[Value], values: &Values) -> Result<Vec<u8>, FillError> {
    let mut body = Vec::new();
    let mut next = 0;
    for event in events {
        match fill_json(event, values)? {
            Value::String(text) => body.extend_from_slice(text.as_bytes()),
            Value::Object(event) => body.extend_from_slice(&numbered(event, &mut next)),
            other => body.extend_from_slice(format!("data: {other}\n\n").as_bytes()),
        }
    }
    Ok(body)
}

/// One event as a block of a stream; a missing sequence number is counted in, behind the type.
pub(crate) fn numbered(event: Map<String, Value>, next: &mut u64) -> Vec<u8> {
    let given = event.get("sequence_number").map(|number| number.as_u64());
    *next = given.flatten().unwrap_or(*next);
    let name = event.get("type").and_then(Value::as_str).map(str::to_owned);
    let mut counted = Map::new();
    for (at, (key, value)) in event.into_iter().enumerate() {
        counted.insert(key, value);
        if at == 0 && given.is_none() {
            counted.insert("sequence_number".to_owned(), (*next).into());
        }
    }
    if given.is_none() && counted.is_empty() {
        counted.insert("sequence_number".to_owned(), (*next).into());
    }
    *next += 1;
    let data = Value::Object(counted);
    match name {
        Some(name) => format!("event: {name}\ndata: {data}\n\n").into_bytes(),
        None => format!("data: {data}\n\n").into_bytes(),
    }
}

fn inline_problems(inline: &InlineAnswer) -> Vec<String> {
    let mut problems = Vec::new();
    let bodies = [
        inline.json.is_some(),
        inline.text.is_some(),
        inline.events.is_some(),
    ];
    if bodies.iter().filter(|given| **given).count() > 1 {
        problems.push("answer: give at most one of `json`, `text` and `events`".to_owned());
    }
    if !(200..1000).contains(&inline.status) {
        problems.push(format!(
            "answer.status: {} is not the status of a final answer",
            inline.status
        ));
    }
    for name in inline.headers.keys() {
        if http::HeaderName::try_from(name.as_str()).is_err() {
            problems.push(format!("answer.headers: `{name}` is not a header name"));
        }
    }
    let kinds = inline.events.iter().flatten();
    if kinds
        .into_iter()
        .any(|event| !event.is_object() && !event.is_string())
    {
        problems.push(
            "answer.events: an event is an object, or text that is sent as written".to_owned(),
        );
    }
    problems
}

fn unknown_fixture(name: &str, fixtures: &Fixtures) -> String {
    let file = media_type(name.rsplit('/').next().unwrap_or(name));
    let alike: Vec<&str> = fixtures
        .names()
        .filter(|known| known.contains(file))
        .take(3)
        .collect();
    match alike.as_slice() {
        [] => format!("answer: there is no fixture `{name}`"),
        alike => format!(
            "answer: there is no fixture `{name}`; there is {}",
            alike.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> Values {
        Values {
            model: "m".to_owned(),
            minted: Some(json!({"access_token": "loginproof-at"})),
            ..Values::default()
        }
    }

    fn inline(json: Value) -> AnswerSpec {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn events_are_named_and_counted() {
        let spec = inline(json!({ "events": [
            { "type": "response.created", "response": { "model": "{{model}}" } },
            ": as written\n\n",
            { "type": "x", "sequence_number": 7 },
            { "type": "y" },
        ]}));
        let answer = make(&spec, &Fixtures::default(), &values()).unwrap();
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        assert_eq!(
            body,
            "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\
             \"response\":{\"model\":\"m\"}}\n\n: as written\n\n\
             event: x\ndata: {\"type\":\"x\",\"sequence_number\":7}\n\n\
             event: y\ndata: {\"type\":\"y\",\"sequence_number\":8}\n\n"
        );
    }

    #[test]
    fn text_that_begins_like_a_page_is_one() {
        let answer = |text: &str| {
            make(
                &inline(json!({ "text": text })),
                &Fixtures::default(),
                &values(),
            )
            .unwrap()
        };
        assert_eq!(answer("<html>").header("content-type"), Some("text/html"));
        assert_eq!(
            answer("slow down").header("content-type"),
            Some("text/plain")
        );
        let spec =
            inline(json!({ "status": 401, "headers": { "Content-Type": "a/b" }, "text": "x" }));
        let answer = make(&spec, &Fixtures::default(), &values()).unwrap();
        assert_eq!(
            (answer.status, answer.reason.as_str()),
            (401, "Unauthorized")
        );
        assert_eq!(
            answer.headers,
            [("Content-Type".to_owned(), "a/b".to_owned())]
        );
    }

    #[test]
    fn an_answer_that_cannot_be_made_is_refused_beforehand() {
        let file = b"HTTP/1.1 200 OK\ncontent-type: application/json\n\n{}".to_vec();
        let fixtures = Fixtures::from_files([("token/pair".to_owned(), file)]).unwrap();
        for (spec, endpoint, problem) in [
            (
                json!("pair"),
                Endpoint::Token,
                "no fixture `pair`; there is token/pair",
            ),
            (
                json!({ "json": 1, "text": "a" }),
                Endpoint::Token,
                "at most one",
            ),
            (json!({ "status": 99 }), Endpoint::Token, "not the status"),
            (
                json!({ "headers": { "a b": "c" } }),
                Endpoint::Token,
                "not a header name",
            ),
            (
                json!({ "events": [1] }),
                Endpoint::Responses,
                "an event is an object",
            ),
            (
                json!({ "text": "{{nope}}" }),
                Endpoint::Token,
                "no placeholder",
            ),
            (
                json!({ "text": "{{id_token}}" }),
                Endpoint::Usercode,
                "`{{id_token}}` to give",
            ),
        ] {
            let problems = problems(&inline(spec), endpoint, &fixtures);
            assert!(
                problems.len() == 1 && problems[0].contains(problem),
                "{problem}: {problems:?}"
            );
        }
        assert!(problems(&inline(json!("token/pair")), Endpoint::Token, &fixtures).is_empty());
    }
}
