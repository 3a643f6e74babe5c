//! Names the RPC methods and their wire types, for server and client.
//!
//! One file per namespace, each with one `#[rpc]` trait: `FooApiServer` is what the server implements, `FooApiClient`
//! is implemented for every jsonrpsee client. `docs/rpc.md` lists each method with an example.
//!
//! ```text
//!   client ──FooApiClient──► JSON-RPC over HTTP or WebSocket ──FooApiServer──► crate rpc ──Backend──► node
//! ```
//!
//! Rules of the wire: numbers are QUANTITY (`0x` and no leading zero), bytes are DATA (`0x` and two digits a byte),
//! what is not found is `null`, and every record of ours carries its exact SCALE bytes in `record` ([`Record`]): a
//! client decodes those and never believes the readable fields beside them.
//!
//! ```
//! use rpc_api::{BlockParam, Quantity};
//! let block: BlockParam = serde_json::from_str("\"finalized\"")?;
//! assert_eq!(block, BlockParam::Finalized);
//! assert_eq!(serde_json::to_string(&Quantity::new(255))?, "\"0xff\"");
//! assert!(serde_json::from_str::<Quantity>("\"0x0ff\"").is_err());
//! # Ok::<(), serde_json::Error>(())
//! ```

pub mod audit;
mod block_param;
pub mod chain;
pub mod codes;
pub mod eth;
mod hex_types;
mod json;
pub mod ledger;
mod ledger_reads;
pub mod net;
pub mod proof;
mod record;
pub mod replica;
pub mod snapshot;
mod views;
pub mod web3;

pub use block_param::BlockParam;
pub use hex_types::{Data, HexBytes, Quantity};
pub use json::Json;
pub use ledger_reads::{LedgerReadError, LedgerReads};
pub use record::{Readable, Record, RecordType};
pub use views::{
    CertificateView, CommitmentView, FinalityView, HeaderView, HolderView, MemberView, NodeView, NodeVolumeView,
    ObjectView, PackView, SnapshotView, ValidatorSetView, VaultView,
};
