//! Executes blocks: the state transition function, pure and deterministic.
//!
//! A transaction is an ordinary Ethereum envelope. [`check`] decodes it and recovers its signer without any state;
//! [`execute`] takes only what passed. A block's [`Outcome`] is data: state changes, receipts, new leaves of the snapshot
//! log, the next validators. Who stores it, and when, is somebody else's business; nothing here reads a clock, a disk, a
//! socket or entropy.
//!
//! ```text
//!   raw bytes ──check──► CheckedTx ─┐
//!   StateView (state before) ───────┼─execute──► Outcome ──► changes ──► state root ─┐
//!   ChainSpec, BlockContext ────────┘               ├─────► leaves ───► log root ────┼─header──► Header
//!                                                   └─────► receipts ─► receipts root┘
//!   to 0x…0800 Vaults · 0x…0801 Snapshots · 0x…0802 Clusters · 0x…0803 Validators: contracts/, ABI in runtime/abi/*.sol
//!   to anyone else: a plain transfer
//! ```
//!
//! Fees are gas × base fee; they are credited to the address of [`VALIDATORS`], so that the sum of all balances never
//! changes. Tips are not taken. Gas is known from the calldata before a call runs. A call that fails keeps nonce and fee.
//!
//! ```
//! # use chain_spec::{DevKeys, Spec};
//! # use primitives::{Address, MemberKey, TimestampMs, ValidatorKey};
//! # let key: [u8; 32] = std::array::from_fn(|i| if i == 0 { 9 } else { 0 });
//! # let keys = DevKeys { validator: ValidatorKey::new(key), member: MemberKey::new(key), operator: Address::new([1; 20]),
//! #     extra_allocations: vec![] };
//! use runtime::{BlockContext, StateView};
//! let spec = Spec::dev(keys, TimestampMs::new(1)).check()?;
//! // A state in memory: what genesis writes.
//! let state: std::collections::BTreeMap<Vec<u8>, Vec<u8>> =
//!     runtime::genesis(&spec).changes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
//! let block = BlockContext { height: primitives::Height::new(1), timestamp: TimestampMs::new(2), proposer: ValidatorKey::new(key) };
//! let outcome = runtime::execute(&spec, &state, &block, &[])?;
//! assert!(outcome.changes.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

pub mod abi;
mod address;
mod call;
pub mod calls;
mod check;
mod contracts;
mod error;
pub mod eth;
mod execute;
mod gas;
mod genesis;
mod header;
mod outcome;
mod sign;
mod state;
#[cfg(test)]
mod testing;
mod tx;
#[cfg(test)]
mod vectors_test;

pub use address::{CLUSTERS, SNAPSHOTS, SYSTEM_CONTRACTS, VALIDATORS, VAULTS, is_system_address};
pub use call::{CallOutcome, CallRequest, call, estimate_gas};
pub use check::check;
pub use error::{CallError, ExecuteError, TxError, ViewError};
pub use execute::{Executor, check_account, execute};
pub use genesis::genesis;
pub use header::{TimeError, check_time, genesis_header, header, receipts_root, transactions_root};
pub use outcome::{BlockContext, EventLog, Outcome, TxReceipt};
pub use sign::{UnsignedTx, gas_needed};
pub use state::{
    Account, ClusterState, CommitmentEntry, EquivocationEntry, StateKey, StateKeyError, StateView, VaultState, account,
    cluster, commitment_at, equivocation_at, frontier, validators, vault,
};
pub use tx::CheckedTx;
