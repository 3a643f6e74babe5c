//! One directory of shard files on one disk (`docs/spec/shard-file.md`).
//!
//! ```text
//! <volume>/strongroom-volume              marker: which volume, whose
//! <volume>/shards/<aa>/<64 hex digits>    one shard; aa = the id's first byte
//! <volume>/shards/<aa>/<hex>.<n>.tmp      being written; removed when the volume is opened
//! <volume>/<note>                         a few bytes that outlive the database
//! <volume>/quarantine/<hex>.<n>           found damaged; never read again, kept for people to look at
//! ```
//!
//! A shard appears under its name complete and durable, or not at all: tmp → write → fdatasync → rename → fsync of the
//! directory. Bytes are not hashed here; that is the replica's task.

mod age;
mod aligned;
#[cfg(test)]
mod crash_test;
mod directory;
mod error;
mod marker;
mod note;
mod read;
mod steps;
#[cfg(test)]
mod volume_test;
mod write;

pub use aligned::Buffers;
pub use directory::{Space, Volume};
pub use error::VolumeError;
pub use marker::VolumeMarker;
pub use read::ShardFile;
