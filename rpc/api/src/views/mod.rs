//! The readable fields of each record.

mod chain;
mod ledger;

pub use chain::{CertificateView, CommitmentView, HeaderView, MemberView, ValidatorSetView};
pub use ledger::{FinalityView, HolderView, NodeView, NodeVolumeView, ObjectView, PackView, SnapshotView, VaultView};
