//! How a request's answer ends its connection.

use tokio_util::sync::CancellationToken;

/// Ends one connection at once, whatever is still to be sent on it. Every request carries that of its connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut(CancellationToken);

impl Cut {
    /// Ends the connection.
    pub(crate) fn cut(&self) {
        self.0.cancel();
    }

    /// Waits until it is to end.
    pub(crate) async fn happens(&self) {
        self.0.cancelled().await;
    }

    /// Whether it is to end.
    #[cfg(test)]
    pub(crate) fn is_cut(&self) -> bool {
        self.0.is_cancelled()
    }
}
