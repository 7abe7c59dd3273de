//! Conditions on a request, ready to be asked many times.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use crate::authorization::{Account, TokenSeen};
use crate::journal::Exchange;
use crate::script::When;

/// The conditions of a rule or a check.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    when: When,
    headers: Vec<(String, Regex)>,
    query: Vec<(String, Regex)>,
    /// Only then a WebSocket upgrade can match: those who write a rule for turns do not mean it.
    names_upgrade: bool,
    /// Only then a turn that warms up can match, for the same reason.
    names_warm_up: bool,
}

impl Matcher {
    /// Reads the conditions.
    ///
    /// # Errors
    /// With one message per condition that can never hold: a broken regular expression or JSON pointer.
    pub(crate) fn new(when: &When) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut patterns = |of: &BTreeMap<String, String>, what: &str| {
            let mut all = Vec::new();
            for (name, pattern) in of {
                match Regex::new(pattern) {
                    Ok(regex) => all.push((name.clone(), regex)),
                    Err(error) => problems.push(format!("when.{what}.{name}: {error}")),
                }
            }
            all
        };
        let headers = patterns(&when.header, "header");
        let query = patterns(&when.query, "query");
        for pointer in when.body.keys() {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                problems.push(format!(
                    "when.body: `{pointer}` is not a JSON pointer, write `/{pointer}`"
                ));
            }
        }
        if when.nth == Some(0) {
            problems.push("when.nth: requests are counted from 1".to_owned());
        }
        let names_upgrade = when
            .header
            .keys()
            .any(|name| name.eq_ignore_ascii_case("upgrade"));
        if problems.is_empty() {
            Ok(Self {
                when: when.clone(),
                headers,
                query,
                names_upgrade,
                names_warm_up: when.body.contains_key("/generate"),
            })
        } else {
            Err(problems)
        }
    }

    /// Whether all conditions hold.
    pub(crate) fn matches(&self, exchange: &Exchange) -> bool {
        let when = &self.when;
        (self.names_upgrade || !exchange.is_upgrade())
            && (self.names_warm_up || !exchange.is_warm_up())
            && holds(when.nth.as_ref(), &exchange.nth)
            && holds(when.access.as_ref(), &exchange.access.state)
            && holds(when.refresh.as_ref(), &exchange.refresh.state)
            && (when.access_generation.is_none()
                || when.access_generation == exchange.access.generation)
            && (when.refresh_generation.is_none()
                || when.refresh_generation == exchange.refresh.generation)
            && self
                .headers
                .iter()
                .all(|(name, regex)| has_header(exchange, name, regex))
            && self.asks(exchange)
            && when.account.is_none_or(|number| {
                let of = |seen: &TokenSeen| seen.account.clone();
                let account = of(&exchange.access).or_else(|| of(&exchange.refresh));
                account.is_some_and(|id| Account::is_number(&id, number))
            })
            && self.body_matches(exchange)
    }

    /// Whether the address has the parameters.
    fn asks(&self, exchange: &Exchange) -> bool {
        if self.query.is_empty() {
            return true;
        }
        let query = exchange
            .request
            .target
            .split_once('?')
            .map_or("", |(_, query)| query);
        let given: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        self.query.iter().all(|(name, regex)| {
            given
                .iter()
                .any(|(key, value)| key == name && regex.is_match(value))
        })
    }

    fn body_matches(&self, exchange: &Exchange) -> bool {
        let when = &self.when;
        if when.grant.is_none()
            && when.body.is_empty()
            && when.input_has.is_none()
            && when.tools_have.is_none()
            && when.part_has.is_none()
            && when.says.is_empty()
            && when.outputs.is_empty()
        {
            return true;
        }
        let Some(body) = exchange.request.json() else {
            return false;
        };
        let grant = body.get("grant_type").and_then(Value::as_str);
        (when.grant.is_none() || when.grant.as_deref() == grant)
            && when
                .body
                .iter()
                .all(|(pointer, value)| body.pointer(pointer) == Some(value))
            && has(when.input_has.as_ref(), items(body, "input"))
            && has(when.tools_have.as_ref(), items(body, "tools"))
            && has(
                when.part_has.as_ref(),
                items(body, "input").flat_map(|item| items(item, "content")),
            )
            && when
                .says
                .iter()
                .all(|(role, text)| says(body, role).any(|said| said.contains(text)))
            && when.outputs.iter().all(|(call, text)| {
                items(body, "input")
                    .filter(|item| item["type"] == "function_call_output")
                    .any(|item| item["call_id"] == **call && text_of(&item["output"]) == *text)
            })
    }
}

/// The members of a list, or of none.
fn items<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Whether one of them has at least these fields with these values.
fn has<'a>(
    fields: Option<&Map<String, Value>>,
    mut items: impl Iterator<Item = &'a Value>,
) -> bool {
    let Some(fields) = fields else { return true };
    items.any(|item| {
        let mut fields = fields.iter();
        fields.all(|(key, value)| item.get(key) == Some(value))
    })
}

/// All that a role says in a Responses request.
fn says<'a>(body: &'a Value, role: &'a str) -> impl Iterator<Item = String> + 'a {
    let system = role == "system";
    let instructions = body.get("instructions").filter(move |_| system);
    let messages = items(body, "input").filter(move |item| {
        let is = |name: &str| item["role"] == name;
        item["type"] != "function_call_output" && (is(role) || (system && is("developer")))
    });
    instructions
        .map(text_of)
        .into_iter()
        .chain(messages.map(|item| text_of(&item["content"])))
}

/// A text that stands there as one string, or in parts.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text_of).collect(),
        Value::Object(part) => part.get("text").map(text_of).unwrap_or_default(),
        _ => String::new(),
    }
}

fn holds<T: PartialEq>(wanted: Option<&T>, is: &T) -> bool {
    wanted.is_none_or(|wanted| wanted == is)
}

fn has_header(exchange: &Exchange, name: &str, regex: &Regex) -> bool {
    let headers = &exchange.request.headers;
    headers
        .iter()
        .any(|(key, value)| key.eq_ignore_ascii_case(name) && regex.is_match(value))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::journal::RecordedRequest;
    use crate::message::Request;
    use crate::script::{Endpoint, TokenState};

    pub(crate) fn exchange(headers: &[(&str, &str)], body: &str) -> Exchange {
        let seen = |state, generation| TokenSeen {
            state,
            generation,
            account: None,
        };
        Exchange {
            id: 1,
            connection: 1,
            endpoint: Endpoint::Responses,
            expected: true,
            request: RecordedRequest {
                message: Arc::new(Request {
                    method: "POST".to_owned(),
                    target: "/v1/responses?stream=1&to=a%20b".to_owned(),
                    version: "HTTP/1.1",
                    headers: headers
                        .iter()
                        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                        .collect(),
                    decoded: Bytes::copy_from_slice(body.as_bytes()),
                    ..Request::default()
                }),
                truncated: false,
                arrived: Duration::ZERO,
                wire_bytes: 0,
            },
            answer: None,
            access: seen(TokenState::Live, Some(2)),
            refresh: seen(TokenState::None, None),
            nth: 2,
            over: None,
            frames: Vec::new(),
        }
    }

    fn when(json: &str) -> When {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_condition_must_hold() {
        let request = exchange(
            &[
                ("Content-Type", "application/json"),
                ("Originator", "codex_exec"),
            ],
            r#"{"model":"m","input":[{"type":"message"},{"type":"function_call_output","call_id":"c","output":"1"}]}"#,
        );
        for (yes, no) in [
            (r#"{"nth":2}"#, r#"{"nth":1}"#),
            (r#"{"access":"live"}"#, r#"{"access":"expired"}"#),
            (r#"{"refresh":"none"}"#, r#"{"refresh":"live"}"#),
            (r#"{"access-generation":2}"#, r#"{"access-generation":1}"#),
            (r#"{}"#, r#"{"refresh-generation":1}"#),
            (
                r#"{"header":{"originator":"^codex"}}"#,
                r#"{"header":{"originator":"^hermes"}}"#,
            ),
            (
                r#"{"header":{"originator":""}}"#,
                r#"{"header":{"x-none":""}}"#,
            ),
            (r#"{"query":{"to":"^a b$"}}"#, r#"{"query":{"from":""}}"#),
            (r#"{}"#, r#"{"account":2}"#),
            (r#"{"body":{"/model":"m"}}"#, r#"{"body":{"/model":"n"}}"#),
            (
                r#"{"input-has":{"type":"function_call_output","call_id":"c"}}"#,
                r#"{"input-has":{"call_id":"d"}}"#,
            ),
            (r#"{"outputs":{"c":"1"}}"#, r#"{"outputs":{"c":"2"}}"#),
            (
                r#"{"nth":2,"access":"live"}"#,
                r#"{"nth":2,"access":"expired"}"#,
            ),
        ] {
            assert!(request.matches(&when(yes)), "{yes}");
            assert!(!request.matches(&when(no)), "{no}");
        }
    }

    #[test]
    fn what_is_said_is_the_same_in_one_string_and_in_parts() {
        for body in [
            r#"{"instructions":"Be brief. Be kind.","input":[{"role":"user","content":"Say hello."}]}"#,
            r#"{"input":[{"role":"system","content":"Be brief. Be kind."},
                {"type":"message","role":"user","content":[{"type":"input_text","text":"Say "},{"type":"input_text","text":"hello."}]}]}"#,
            r#"{"input":[{"role":"developer","content":[{"type":"input_text","text":"Be kind."}]},{"role":"user","content":"Say hello."}]}"#,
        ] {
            let request = exchange(&[], body);
            let says = r#"{"says":{"system":"Be kind.","user":"Say hello."}}"#;
            assert!(request.matches(&when(says)), "{body}");
            for no in [
                r#"{"says":{"user":"Be kind."}}"#,
                r#"{"says":{"assistant":"hello"}}"#,
            ] {
                assert!(!request.matches(&when(no)), "{no} {body}");
            }
        }
        let request = exchange(
            &[],
            r#"{"tools":[{"type":"function","name":"f","strict":false}],
            "input":[{"role":"user","content":[{"type":"input_image","image_url":"x","detail":"high"}]}]}"#,
        );
        assert!(request.matches(&when(
            r#"{"tools-have":{"name":"f","strict":false},"part-has":{"image_url":"x"}}"#
        )));
        assert!(!request.matches(&when(r#"{"tools-have":{"name":"f","strict":true}}"#)));
        assert!(!request.matches(&when(r#"{"part-has":{"image_url":"y"}}"#)));
    }

    #[test]
    fn a_form_counts_as_a_flat_object() {
        let form = (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        let request = exchange(&[form], "grant_type=refresh_token&client_id=a%20b");
        assert!(request.matches(&when(
            r#"{"grant":"refresh_token","body":{"/client_id":"a b"}}"#
        )));
        assert!(!request.matches(&when(r#"{"grant":"authorization_code"}"#)));
    }

    #[test]
    fn an_upgrade_matches_only_conditions_that_name_it() {
        let request = exchange(&[("Upgrade", "websocket")], "");
        assert!(!request.matches(&When::default()));
        assert!(request.matches(&when(r#"{"header":{"upgrade":"websocket"}}"#)));
    }

    #[test]
    fn conditions_that_can_never_hold_are_refused() {
        for (json, problem) in [
            (r#"{"header":{"a":"("}}"#, "when.header.a"),
            (r#"{"body":{"model":1}}"#, "write `/model`"),
            (r#"{"nth":0}"#, "counted from 1"),
        ] {
            let problems = Matcher::new(&when(json)).unwrap_err();
            assert!(problems[0].contains(problem), "{problems:?}");
        }
    }
}
