//! JSON-RPC over HTTP.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpc_api::codes;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

use super::HttpNode;
use crate::NodeError;

/// Times that a call is made while there is no answer: about 1.5 s.
const ATTEMPTS: u32 = 4;
/// Longest answer that is read, bytes.
const ANSWER_MAX: u64 = 64 * 1024 * 1024;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Answer<T> {
    id: Option<u64>,
    result: Option<T>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    code: i32,
    message: String,
    #[serde(default)]
    data: Value,
}

impl HttpNode {
    /// Calls a method, again when the node cannot answer now. Every method that a client calls may be repeated.
    pub(super) fn call<T: DeserializeOwned>(&self, method: &str, params: &Value) -> Result<T, NodeError> {
        let mut attempt = 1;
        loop {
            match self.call_once(method, params) {
                Err(error) if error.is_temporary() && attempt < ATTEMPTS => {
                    tracing::debug!(target: "client", %error, attempt, method, "a call is repeated");
                    std::thread::sleep(Duration::from_millis(100 << attempt));
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// Calls a method whose result is never `null`.
    pub(super) fn call_once<T: DeserializeOwned>(&self, method: &str, params: &Value) -> Result<T, NodeError> {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let bad = |reason: String| NodeError::Answer { what: method.to_owned(), reason };
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let body = serde_json::to_vec(&request).map_err(|error| bad(error.to_string()))?;
        let sent = self.agent.post(&self.url).header("content-type", "application/json").send(&body[..]);
        let mut answer = sent.map_err(|error| self.unreachable(error))?;
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_vec();
        let text = text.map_err(|error| self.unreachable(error))?;
        if status == 503 || status == 429 {
            let reason = match serde_json::from_slice(&text) {
                Ok(Answer::<IgnoredAny> { error: Some(error), .. }) => error.message,
                _ => String::from_utf8_lossy(&text).into_owned(),
            };
            return Err(NodeError::NotNow { what: format!("answer {method}"), reason });
        }
        let parsed: Answer<T> = serde_json::from_slice(&text).map_err(|error| match status.as_u16() {
            200 => bad(error.to_string()),
            _ => bad(format!("HTTP status {status}: {}", String::from_utf8_lossy(&text).trim())),
        })?;
        match parsed {
            Answer { error: Some(error), .. } => Err(refused(method, error)),
            Answer { id: found, .. } if found != Some(id) => Err(bad("it is to another request".to_owned())),
            Answer { result: Some(result), .. } => Ok(result),
            Answer { .. } => Err(bad("it has neither a result nor an error".to_owned())),
        }
    }
}

/// What an error object means for a client.
fn refused(method: &str, error: RpcError) -> NodeError {
    let what = format!("answer {method}");
    let reason = match &error.data {
        Value::String(data) if !data.is_empty() => format!("{} ({data})", error.message),
        _ => error.message,
    };
    match error.code {
        codes::UNAVAILABLE | codes::LEDGER_UNAVAILABLE | codes::REPLICA_UNAVAILABLE | codes::LIMIT => {
            NodeError::NotNow { what, reason }
        }
        codes::PROOF_UNKNOWN_LEAF => NodeError::NotFound { what: reason },
        _ => NodeError::Refused { what, reason },
    }
}
