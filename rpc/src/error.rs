//! Errors of the server, and what callers see of errors behind it.

use std::net::SocketAddr;

use jsonrpsee::types::ErrorObjectOwned;
use rpc_api::codes;

use crate::BackendError;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The address is taken or not ours.
    #[error("cannot listen on {addr}: {source}; stop the other program or choose another address")]
    Listen {
        /// The address of the configuration.
        addr: SocketAddr,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Two methods have one name.
    #[error("method {name} is registered twice")]
    Method {
        /// The name.
        name: String,
    },
    /// A CORS origin is not one.
    #[error("{origin:?} is not an origin: write scheme and host, such as https://wallet.example, or *")]
    Origin {
        /// As configured.
        origin: String,
    },
}

impl From<BackendError> for ErrorObjectOwned {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Invalid { code, message, data } => Self::owned(code, message, data),
            BackendError::NotYet { code, .. } => Self::owned(code, error.to_string(), None::<()>),
            BackendError::Pruned { .. } => Self::owned(codes::PRUNED, error.to_string(), None::<()>),
            BackendError::Internal { reason } => {
                tracing::error!(target: "rpc", %reason, "a request failed inside the node");
                Self::owned(codes::INTERNAL, reason, None::<()>)
            }
        }
    }
}

/// A parameter that breaks a rule.
pub(crate) fn invalid_params(message: impl Into<String>) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(codes::INVALID_PARAMS, message, None::<()>)
}

/// An error with its code.
pub(crate) fn failure(code: i32, message: impl Into<String>) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(code, message, None::<()>)
}

/// A revert, in geth's words: code 3, the reason in the message, the ABI bytes in `data`.
pub(crate) fn reverted(output: &[u8]) -> ErrorObjectOwned {
    let message = format!("execution reverted: {}", runtime::calls::describe_revert(output));
    ErrorObjectOwned::owned(codes::REVERTED, message, Some(rpc_api::Data(output.to_vec())))
}
