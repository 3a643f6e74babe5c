//! A connection to a network through one node.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use primitives::{ChainId, NetworkId};
use seal::OwnerSecret;

use crate::{ClientError, NetworkInfo, Node, Owner};

/// A node, the network that it belongs to, and where local caches are. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    node: Arc<dyn Node>,
    network: NetworkInfo,
    cache: Option<PathBuf>,
}

impl Client {
    /// Connects to the node at `url` (`http://host:port`) and asks which network it is.
    ///
    /// # Errors
    /// [`ClientError::Node`] when the node does not answer.
    pub fn connect(url: &str) -> Result<Self, ClientError> {
        Self::with_node(Arc::new(crate::http::HttpNode::new(url)?))
    }

    /// A client of this node.
    ///
    /// # Errors
    /// [`ClientError::Node`] when the node does not answer.
    pub fn with_node(node: Arc<dyn Node>) -> Result<Self, ClientError> {
        let network = node.network()?;
        Ok(Self { node, network, cache: None })
    }

    /// Keeps caches under this directory. Without it nothing is kept, and every run learns everything anew.
    #[must_use]
    pub fn cache_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.cache = Some(path.into());
        self
    }

    /// Goes on only if the node is on this network.
    ///
    /// # Errors
    /// [`ClientError::ForeignNetwork`].
    pub fn expect_network(self, expected: NetworkId) -> Result<Self, ClientError> {
        let found = self.network.network;
        if found == expected { Ok(self) } else { Err(ClientError::ForeignNetwork { expected, found }) }
    }

    /// Goes on only if the node's chain has this id.
    ///
    /// # Errors
    /// [`ClientError::ForeignChain`].
    pub fn expect_chain(self, expected: ChainId) -> Result<Self, ClientError> {
        let found = self.network.chain_id;
        if found == expected { Ok(self) } else { Err(ClientError::ForeignChain { expected, found }) }
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &NetworkInfo {
        &self.network
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> &Arc<dyn Node> {
        &self.node
    }

    /// Where caches are kept.
    #[must_use]
    pub fn cache(&self) -> Option<&PathBuf> {
        self.cache.as_ref()
    }

    /// Acts for the owner of this secret.
    #[must_use]
    pub fn owner(&self, secret: OwnerSecret) -> Owner {
        Owner::new(self.clone(), secret)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("network", &self.network).finish_non_exhaustive()
    }
}
