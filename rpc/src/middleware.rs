//! Around every call: geth's words for what the library itself refuses, and metrics.
//!
//! Wallets and libraries match on texts: ethers knows a method to be missing only by geth's words for it, and polls
//! instead of failing. Calls of a batch pass here one by one as well: the library would answer them past us.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use jsonrpsee::core::middleware::{Batch, BatchEntry, Notification, RpcServiceT};
use jsonrpsee::core::server::BatchResponseBuilder;
use jsonrpsee::server::MethodResponse;
use jsonrpsee::types::{ErrorObjectOwned, Id, Request};
use rpc_api::codes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::metrics::MethodMetrics;

/// jsonrpsee's code for an answer above the limit.
const OVERSIZED_RESPONSE: i32 = -32008;

/// The service around jsonrpsee's own.
#[derive(Clone, Debug)]
pub(crate) struct Words<S> {
    inner: S,
    metrics: Arc<MethodMetrics>,
    response_bytes_max: usize,
}

impl<S> Words<S> {
    pub(crate) const fn new(inner: S, metrics: Arc<MethodMetrics>, response_bytes_max: usize) -> Self {
        Self { inner, metrics, response_bytes_max }
    }
}

impl<S> RpcServiceT for Words<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            BatchResponse = MethodResponse,
            NotificationResponse = MethodResponse,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let metrics = Arc::clone(&self.metrics);
        let unknown = (!metrics.knows(&request.method)).then(|| (request.method.clone(), request.id.clone()));
        let method = request.method.clone();
        let begun = Instant::now();
        let answer = match unknown {
            Some(_) => None,
            None => Some(self.inner.call(request)),
        };
        async move {
            let response = match (answer, unknown) {
                (Some(answer), _) => geth_words(answer.await),
                (None, Some((method, id))) => MethodResponse::error(id, unknown_method(&method)),
                (None, None) => MethodResponse::notification(),
            };
            metrics.called(&method, begun.elapsed(), response.is_success());
            response
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            let mut answers = BatchResponseBuilder::new_with_limit(this.response_bytes_max);
            let mut notified = false;
            for entry in batch {
                let answer = match entry {
                    Ok(BatchEntry::Call(request)) => this.call(request).await,
                    Ok(BatchEntry::Notification(notification)) => {
                        notified = true;
                        this.notification(notification).await;
                        continue;
                    }
                    Err(refused) => {
                        let (error, id) = refused.into_parts();
                        MethodResponse::error(id, error)
                    }
                };
                if answers.append(answer).is_err() {
                    return MethodResponse::error(Id::Null, too_large());
                }
            }
            match answers.is_empty() && notified {
                true => MethodResponse::notification(),
                false => MethodResponse::from_batch(answers.finish()),
            }
        }
    }

    fn notification<'a>(&self, notification: Notification<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.inner.notification(notification)
    }
}

fn unknown_method(method: &str) -> ErrorObjectOwned {
    let message = match method.ends_with("_subscribe") || method.ends_with("_unsubscribe") {
        true => "notifications not supported".to_owned(),
        false => {
            let name: String = method.chars().take(100).collect();
            format!("the method {name} does not exist/is not available")
        }
    };
    ErrorObjectOwned::owned(codes::METHOD_NOT_FOUND, message, None::<()>)
}

fn too_large() -> ErrorObjectOwned {
    let message = "response too large: ask for less at once".to_owned();
    ErrorObjectOwned::owned(codes::SERVER, message, None::<()>)
}

/// Rewrites what jsonrpsee says itself; errors of methods pass unchanged.
fn geth_words(response: MethodResponse) -> MethodResponse {
    let rewritten = match response.as_error_code() {
        Some(OVERSIZED_RESPONSE) => id_of(&response).map(|id| MethodResponse::error(id, too_large())),
        Some(codes::INVALID_PARAMS) => invalid_params(&response),
        _ => None,
    };
    match rewritten {
        Some(rewritten) => rewritten.with_extensions(response.into_parts().2),
        None => response,
    }
}

/// jsonrpsee puts the reason into `data`, where people do not look; geth puts it into the message.
fn invalid_params(response: &MethodResponse) -> Option<MethodResponse> {
    #[derive(Deserialize)]
    struct Failed<'a> {
        #[serde(borrow)]
        id: Id<'a>,
        #[serde(borrow)]
        error: Wrong<'a>,
    }
    #[derive(Deserialize)]
    struct Wrong<'a> {
        #[serde(borrow)]
        message: Cow<'a, str>,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let failed: Failed<'_> = serde_json::from_str(response.as_json().get()).ok()?;
    if failed.error.message != "Invalid params" {
        return None;
    }
    let reason: String = failed.error.data.and_then(|data| serde_json::from_str(data.get()).ok()).unwrap_or_default();
    let reason = reason.split(" at line ").next().unwrap_or_default();
    let message = match reason {
        "No more params" => "missing value for required argument".to_owned(),
        reason => format!("invalid argument: {reason}"),
    };
    let error = ErrorObjectOwned::owned(codes::INVALID_PARAMS, message, None::<()>);
    Some(MethodResponse::error(failed.id.into_owned(), error))
}

fn id_of(response: &MethodResponse) -> Option<Id<'static>> {
    #[derive(Deserialize)]
    struct Failed<'a> {
        #[serde(borrow)]
        id: Id<'a>,
    }
    serde_json::from_str::<Failed<'_>>(response.as_json().get()).ok().map(|failed| failed.id.into_owned())
}
