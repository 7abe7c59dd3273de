//! Parameters of a request, from JSON or a form.

use http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::authorization::profile::{Bodies, Profile};
use crate::authorization::refusal::Refusal;

/// The parameters of a request.
pub(super) struct Parameters(Map<String, Value>);

impl Parameters {
    /// Reads JSON or a form, as the content type says. Vendors' clients use both at the same address.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        match media_type(headers).as_str() {
            "application/json" => Self::json(body),
            "application/x-www-form-urlencoded" => Self::form(body),
            other => Err(unsupported(other)),
        }
    }

    /// Reads what a provider's endpoints take.
    pub(super) fn of(profile: &Profile, headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        match (profile.bodies, media_type(headers).as_str()) {
            (Bodies::Either, _) => Self::read(headers, body),
            (Bodies::Form, "application/x-www-form-urlencoded") => Self::form(body),
            (Bodies::Form, other) => Err(unsupported(other)),
        }
    }

    /// Reads JSON and nothing else.
    pub(super) fn read_json(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        match media_type(headers).as_str() {
            "application/json" => Self::json(body),
            other => Err(unsupported(other)),
        }
    }

    fn json(body: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(Refusal::Malformed(
                "The body of the request is JSON, but not an object.".to_owned(),
            )),
            Err(error) => Err(Refusal::Malformed(format!(
                "The body of the request is not valid JSON: {error}."
            ))),
        }
    }

    /// Reads the parameters of an address or a form.
    pub(super) fn form(body: &[u8]) -> Result<Self, Refusal> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(body).map_err(|error| {
            Refusal::Malformed(format!(
                "The body of the request is not a valid form: {error}."
            ))
        })?;
        let mut map = Map::new();
        for (name, value) in pairs {
            // RFC 6749 §3.2: a parameter without a value counts as left out, and none comes twice.
            if value.is_empty() {
                continue;
            }
            if map.insert(name.clone(), Value::String(value)).is_some() {
                return Err(Refusal::Repeated(name));
            }
        }
        Ok(Self(map))
    }

    /// A parameter that may be left out. A JSON null counts as left out.
    pub(super) fn optional(&self, name: &'static str) -> Result<Option<&str>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::Malformed(format!(
                "Invalid type for '{name}': a string is expected."
            ))),
        }
    }

    /// A parameter that must be there and must not be empty.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, Refusal> {
        match self.optional(name)? {
            None => Err(Refusal::Missing(name)),
            Some("") => Err(Refusal::Empty(name)),
            Some(text) => Ok(text),
        }
    }
}

fn unsupported(media_type: &str) -> Refusal {
    Refusal::Malformed(match media_type {
        "" => "The request has no content-type.".to_owned(),
        other => format!("The content-type '{other}' is not supported here."),
    })
}

/// The content type without its parameters, in lower case; empty if there is none.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &'static str, body: &str) -> Result<Parameters, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        Parameters::read(&headers, body.as_bytes())
    }

    #[test]
    fn json_and_form_bring_the_same_parameters() {
        for (kind, body) in [
            (
                "application/json; charset=utf-8",
                r#"{"token":"a b+c","extra":[1],"none":null}"#,
            ),
            ("application/x-www-form-urlencoded", "token=a+b%2Bc&none="),
        ] {
            let parameters = read(kind, body).unwrap_or_else(|refusal| panic!("{refusal:?}"));
            assert_eq!(parameters.required("token"), Ok("a b+c"));
            assert_eq!(parameters.optional("none"), Ok(None));
            assert_eq!(parameters.required("none"), Err(Refusal::Missing("none")));
        }
    }

    #[test]
    fn a_repeated_form_parameter_is_refused_as_rfc_6749_section_3_2_demands() {
        assert_eq!(
            read("application/x-www-form-urlencoded", "a=1&a=1").err(),
            Some(Refusal::Repeated("a".to_owned()))
        );
    }

    #[test]
    fn what_is_not_what_its_content_type_says_is_malformed() {
        for (kind, body) in [
            ("application/json", "a=1"),
            ("application/json", "[]"),
            ("text/plain", "{}"),
        ] {
            assert!(
                matches!(read(kind, body), Err(Refusal::Malformed(_))),
                "{kind} {body}"
            );
        }
    }

    #[test]
    fn an_empty_string_in_json_is_told_from_nothing() {
        let parameters = read("application/json", r#"{"token":"","number":1}"#)
            .unwrap_or_else(|refusal| panic!("{refusal:?}"));
        assert_eq!(parameters.required("token"), Err(Refusal::Empty("token")));
        assert!(matches!(
            parameters.optional("number"),
            Err(Refusal::Malformed(_))
        ));
    }
}
