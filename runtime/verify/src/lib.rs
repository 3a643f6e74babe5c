//! Checks headers, certificates and receipts with no node, no network and few dependencies.
//!
//! A receipt is one JSON file that proves to a stranger that a snapshot was committed at a height. The stranger brings
//! the network's id, or nothing; everything else is in the file and follows from that id by hashes and signatures:
//!
//! ```text
//!   network id ─hash─ genesis record ─hash─ first validator set
//!                                              │ signs (hand-over: header + certificate + next set)*
//!                                              ▼
//!   commitment ─leaf─ inclusion path ─root─ header ◄─signatures─ certificate, checkpoint cosignatures
//! ```
//!
//! Bytes and steps: `docs/spec/receipt.md`. Every refusal names the step, what was expected and what was found.
//!
//! ```
//! use verify::{Receipt, Step};
//! let refused = Receipt::parse(b"{\"type\":\"strongroom receipt\",\"version\":9}").unwrap_err();
//! assert_eq!(refused.step, Step::Version);
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod certificate;
pub mod checkpoint;
mod receipt;
mod strict;
#[cfg(test)]
mod testing;
#[cfg(test)]
#[path = "vectors_test.rs"]
mod vectors;

pub use certificate::{VerifyError, verify_certificate};
pub use checkpoint::CheckpointError;
pub use receipt::{Handover, NetworkProof, Receipt, ReceiptError, Step, VerifiedReceipt};
