//! Keeps shards alive: placement, acknowledgement, reads, scrub, repair.
//!
//! The replica owns the volumes of one node. It takes shards, puts each on the volume that weighted rendezvous hashing
//! chooses, and signs for it when it is durable. It serves only bytes that it has just verified. It notices when a shard
//! rots or a volume goes, and rebuilds what was lost from the other shards of the pack: without any key that opens data.
//!
//! ```text
//!   put ──► verify ──► place ──► Volume (fsync) ──► index row ──► ShardAck
//!   get ──► index ──► Volume ──► verify ──► bytes          │
//!                        │ damaged                          ▼
//!   scrub, census ──► Actor(Machine) ──► lost ──► Directory (the ledger)
//!                        └── repair: k good shards ──► rebuilt ──► held ──► Directory
//! ```
//!
//! [`Directory`] is the ledger's side of it: which packs there are and who holds their shards. Rules:
//! `docs/spec/placement.md`; files: `docs/spec/shard-file.md`; for operators: `docs/operator/volumes.md`.

mod actor;
mod cache;
mod calls;
mod census;
mod claims;
mod config;
mod confirm;
mod directory;
mod early;
mod error;
mod fill;
mod get;
mod gone;
mod groups;
mod high_water;
mod index;
mod ingress;
mod log2;
mod look;
mod machine;
mod metrics;
mod orphans;
mod pending;
mod place;
mod put;
mod read;
mod rebuild;
mod reopen;
mod repair;
mod replica;
mod scrub;
mod shared;
mod shelf;
mod slot;
mod spread;
mod status;
mod surplus;

pub use config::ReplicaConfig;
pub use confirm::{Confirmed, Shortage};
pub use directory::Directory;
pub use error::{Class, DirectoryError, ReplicaError};
pub use place::{Candidate, order, rank};
pub use replica::{Replica, start};
pub use status::{
    OrphanReport, RepairStatus, ReplicaEvent, ReplicaStatus, ScrubReport, ScrubStatus, ShardStat, VolumeState,
    VolumeStatus,
};

/// Most shards of a pack: 64 data and 64 parity.
pub const WIDTH_MAX: u8 = 128;
