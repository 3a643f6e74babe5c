//! The state: keys, values, and a view of it that remembers changes.

mod key;
mod overlay;
mod query;
mod value;
mod view;

pub use key::{StateKey, StateKeyError};
pub(crate) use overlay::Overlay;
pub use query::{account, cluster, commitment_at, equivocation_at, frontier, validators, vault};
pub use value::{Account, ClusterState, CommitmentEntry, EquivocationEntry, VaultState};
pub use view::StateView;
