//! The operational ledger's commands and records: what clients sign, what every member applies.
//!
//! A command is data plus the signature of whom it speaks for. Applying one is deterministic; the rules are
//! `docs/spec/ledger.md`, their code is the ledger crate's `machine.rs`.
#![allow(
    clippy::cast_possible_truncation,
    reason = "the SCALE derive casts the constant index of each variant to a byte"
)]

mod command;
mod outcome;
mod record;
mod rows;
mod signed;
mod terms;

pub use command::{Command, CommitmentProof, VolumeInfo};
pub use outcome::{Applied, Refusal};
pub use record::{
    Finality, Holder, NodeRecord, ObjectRecord, PackRecord, SessionOutcome, SnapshotRecord, Totals, TrustedSet,
    VaultRecord,
};
pub use rows::{Rows, RowsMax};
pub use signed::{SignedCommand, Signer, Speaker};
pub use terms::{VaultTerms, attestation_hash};

/// Longest encoded command, bytes.
pub const COMMAND_MAX: usize = 8 * 1024 * 1024;
/// Most commands in one [`Command::Batch`].
pub const BATCH_MAX: usize = 1024;
/// Longest sealed record (vault name, object record), bytes.
pub const SEALED_MAX: usize = 64 * 1024;
/// Most delegates of a vault.
pub const DELEGATES_MAX: usize = 16;
/// Most volumes of one storage node.
pub const VOLUMES_MAX: usize = 1024;
