//! What nearly every test begins with.

use crate::{Node, Owner};

/// A place on disk, a node, and an owner with a key and a vault.
#[derive(Debug)]
pub struct World {
    /// The node; first, so that it ends before its place goes.
    pub node: Node,
    /// Somebody with a vault on the node.
    pub owner: Owner,
    /// A directory that goes with everything in it at the end.
    pub place: tempfile::TempDir,
}

impl World {
    /// A new one, with an empty vault of this name.
    ///
    /// # Panics
    /// When the node does not start, or refuses the vault.
    #[must_use]
    pub fn new(vault: &str) -> Self {
        let place = tempfile::tempdir().expect("a place on disk");
        let node = Node::start(&place.path().join("node"));
        let owner = Owner::new(&place.path().join("alice"), node.url());
        let _phrase = owner.make_key();
        let _ = owner.run(&["vault", "create", vault]).done();
        Self { node, owner, place }
    }
}
