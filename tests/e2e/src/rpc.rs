//! Raw JSON-RPC, as a wallet sends it.

use serde_json::{Value, json};

/// Sends one request and returns the whole answer.
///
/// # Panics
/// When the node does not answer with JSON.
#[must_use]
pub fn rpc(url: &str, method: &str, params: &Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let mut answer =
        ureq::post(url).header("content-type", "application/json").send(request.to_string()).expect("the node answers");
    let text = answer.body_mut().read_to_string().expect("text");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{method}: {error}: {text}"))
}

/// The result of a request that must succeed.
///
/// # Panics
/// When it fails.
#[must_use]
pub fn result(url: &str, method: &str, params: &Value) -> Value {
    let answer = rpc(url, method, params);
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
}

/// A QUANTITY.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn quantity(value: &Value) -> u64 {
    let digits =
        value.as_str().and_then(|text| text.strip_prefix("0x")).unwrap_or_else(|| panic!("{value} is no quantity"));
    u64::from_str_radix(digits, 16).expect("hex digits")
}
