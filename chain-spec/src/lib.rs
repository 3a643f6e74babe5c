//! Describes networks: parameters, allocations, validators and clusters, checked, with presets.
//!
//! A [`Spec`] is the JSON that people write and pass around; nothing in it is believed. [`Spec::check`] turns it into a
//! [`ChainSpec`], the only form that the runtime takes, or names the field that is wrong and says why. The checked
//! form has one canonical encoding, and the hash of its [`primitives::Genesis`] record is the network's id, which is part of
//! everything that is signed.
//!
//! ```text
//!   JSON ──from_json──► Spec ──check──► ChainSpec ──genesis──► NetworkId
//!                        ▲ └─ SpecError { field, reason }  │
//!                        └────────── to_spec ──────────────┘
//! ```
//!
//! ```
//! use chain_spec::{DevKeys, Spec};
//! use primitives::{Address, MemberKey, TimestampMs, ValidatorKey};
//! # let key: [u8; 32] = std::array::from_fn(|i| if i == 0 { 9 } else { 0 });
//! let keys = DevKeys {
//!     validator: ValidatorKey::new(key), // an Ed25519 public key
//!     member: MemberKey::new(key),
//!     operator: Address::new([1; 20]),
//!     extra_allocations: vec![],
//! };
//! let spec = Spec::dev(keys, TimestampMs::new(1_790_000_000_000));
//! let chain = Spec::from_json(&spec.to_json())?.check()?;
//! assert_eq!(chain.params.chain_id.get(), 21330);
//! # Ok::<(), chain_spec::SpecError>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod chain;
mod check;
mod error;
mod params;
mod preset;
mod spec;

pub use chain::{ChainSpec, ClusterSpec};
pub use error::SpecError;
pub use params::{COMMITMENT_CALLDATA_BYTES, GasTable, Params, is_system_address};
pub use preset::{DEV_BALANCE, DevKeys};
pub use spec::{AllocationJson, ClusterJson, ParamsJson, Spec, ValidatorJson};
