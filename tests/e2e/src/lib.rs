//! Tries the binary as a user does: real processes, real disks, kill -9.
//!
//! [`Node`] is one `strongroom run --dev` process; [`Owner`] is a person with a keystore, a cache and a shell; a [`World`]
//! has one of each.

mod eventually;
mod node;
mod owner;
pub mod rpc;
mod tree;
mod world;

pub use eventually::eventually;
pub use node::Node;
pub use owner::{Owner, Reply};
pub use tree::{descend, dig, make_tree, noise, same_tree, short};
pub use world::World;

use std::path::PathBuf;

/// The binary under test: `STRONGROOM_BIN`, which `cargo x test` sets, or the one in the target directory beside the
/// running test.
///
/// # Panics
/// When neither exists.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("STRONGROOM_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    let path =
        test.parent().and_then(|deps| deps.parent()).map(|profile| profile.join("strongroom")).unwrap_or_default();
    assert!(path.is_file(), "{} is missing: run the tests with `cargo x test`, which builds it", path.display());
    path
}
