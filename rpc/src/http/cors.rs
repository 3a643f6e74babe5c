//! Which pages may read answers.

use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::RpcError;

/// The CORS layer; none when no origin is configured.
///
/// # Errors
/// [`RpcError::Origin`] when an origin is no header value.
pub(crate) fn cors_layer(origins: &[String]) -> Result<Option<CorsLayer>, RpcError> {
    if origins.is_empty() {
        return Ok(None);
    }
    let allow = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let values = origins.iter().map(|origin| match HeaderValue::from_str(origin) {
            Ok(value) if origin.contains("://") && !origin.ends_with('/') => Ok(value),
            _ => Err(RpcError::Origin { origin: origin.clone() }),
        });
        AllowOrigin::list(values.collect::<Result<Vec<_>, _>>()?)
    };
    let exposed: [HeaderName; 4] =
        [header::CONTENT_RANGE, header::ACCEPT_RANGES, header::CONTENT_LENGTH, header::RETRY_AFTER];
    Ok(Some(
        CorsLayer::new()
            .allow_origin(allow)
            .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT])
            .allow_headers([header::CONTENT_TYPE, header::RANGE])
            .expose_headers(exposed),
    ))
}
