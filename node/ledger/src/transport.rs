//! How members reach one another: requests and replies as bytes, whoever carries them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::types::Member;

/// Why a peer did not answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// It is not there: back off before trying again.
    #[error("unreachable: {reason}")]
    Unreachable {
        /// What the transport met.
        reason: String,
    },
    /// The request may have arrived; the answer did not.
    #[error("no answer: {reason}")]
    NoAnswer {
        /// What the transport met.
        reason: String,
    },
}

/// Carries requests to other members. The other side gives them to [`crate::Ledger::serve`].
///
/// The transport authenticates: it delivers only to the member with that key, and hands in requests only from
/// members of the cluster.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends one request and waits for its reply, at most `deadline`.
    async fn call(&self, to: &Member, request: Vec<u8>, deadline: Duration) -> Result<Vec<u8>, TransportError>;
}

/// The transport of a cluster of one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPeers;

#[async_trait]
impl Transport for NoPeers {
    async fn call(&self, to: &Member, _: Vec<u8>, _: Duration) -> Result<Vec<u8>, TransportError> {
        Err(TransportError::Unreachable { reason: format!("this member has no network to reach {}", to.key) })
    }
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn call(&self, to: &Member, request: Vec<u8>, deadline: Duration) -> Result<Vec<u8>, TransportError> {
        (**self).call(to, request, deadline).await
    }
}
