//! Answers over HTTP as JSON-RPC 2.0 wants them, where jsonrpsee gives others.
//!
//! It answers `null` to what must have no answer, and says of JSON that is no request that it is no JSON. Both are short:
//! longer answers pass unseen.

use std::fmt;

use bytes::Bytes;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use jsonrpsee::core::BoxError;
use jsonrpsee::server::{HttpBody, HttpResponse};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::reply;

/// Longer answers are none of these, bytes.
const SHORT: u64 = 128;
/// How jsonrpsee's answer to what is no JSON begins.
const NO_JSON: &[u8] = br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"#;

/// jsonrpsee's answer to a body, or the one that JSON-RPC wants.
pub(super) async fn specified(answer: HttpResponse, asked: &[u8]) -> Result<HttpResponse, BoxError> {
    if answer.body().size_hint().exact().is_none_or(|len| len > SHORT) {
        return Ok(answer);
    }
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    let is_null = *body == *b"null";
    if (is_null && has_id(asked)) || (body.starts_with(NO_JSON) && is_json(asked)) {
        return Ok(reply::rpc_error(StatusCode::OK, rpc_api::codes::INVALID_REQUEST, "invalid request"));
    }
    // A notification, or a batch of nothing else.
    let body = if is_null { Bytes::new() } else { body };
    Ok(HttpResponse::from_parts(head, HttpBody::new(Full::new(body))))
}

fn is_json(asked: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(asked).is_ok()
}

/// Whether it is an object with an id: one that jsonrpsee took for a notification, since the id is of no kind that there is.
fn has_id(asked: &[u8]) -> bool {
    serde_json::from_slice::<HasId>(asked).is_ok_and(|found| found.0)
}

/// Whether an object has an id. Nothing of it is kept, however many fields a stranger has put into 24 MiB.
struct HasId(bool);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Id,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for HasId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(false))
    }
}

impl<'de> Visitor<'de> for HasId {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Self, A::Error> {
        while let Some((field, IgnoredAny)) = fields.next_entry()? {
            self.0 |= matches!(field, Field::Id);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{Error, MapDeserializer};
    use serde::de::{Error as _, IntoDeserializer};
    use serde::forward_to_deserialize_any;

    use super::*;

    /// The name of a field that may be looked at and not kept.
    struct Name(&'static str);

    impl IntoDeserializer<'_> for Name {
        type Deserializer = Self;

        fn into_deserializer(self) -> Self {
            self
        }
    }

    impl<'de> Deserializer<'de> for Name {
        type Error = Error;

        fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.visit_str(self.0)
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::custom("it is kept"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map struct enum ignored_any
        }
    }

    #[test]
    fn no_field_is_kept() {
        for (names, has) in [(["a", "b", "method"], false), (["a", "id", "method"], true)] {
            let fields = MapDeserializer::new(names.map(|name| (Name(name), 1u8)).into_iter());
            assert_eq!(HasId::deserialize(fields).unwrap().0, has, "{names:?}");
        }
    }

    #[test]
    fn an_id_of_any_kind_is_found_in_an_object() {
        for (asked, has) in [
            (r#"{"id":{"a":[1]},"method":"x"}"#, true),
            (r#"{"method":"x","i\u0064":null}"#, true),
            (r#"{"a":1,"a":2,"id":1.5,"id":true}"#, true),
            (r#"{"method":"x","params":{"id":1},"ID":1}"#, false),
            (r#"[{"id":1}]"#, false),
            (r#"["id"]"#, false),
            (r#"{"id":1"#, false),
            (r#"{"id":1}}"#, false),
            (r#""id""#, false),
        ] {
            assert_eq!(has_id(asked.as_bytes()), has, "{asked}");
        }
    }
}
