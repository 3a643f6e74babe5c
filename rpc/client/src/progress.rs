//! How a long operation tells how far it is, and how it is stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ClientError;

/// What an operation is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Learning which packs exist.
    Index,
    /// Reading files and storing chunks.
    Store,
    /// Waiting for the last packs to be durable.
    Flush,
    /// Recording the snapshot.
    Commit,
    /// Reading directories.
    Plan,
    /// Writing files.
    Restore,
    /// Comparing files.
    Verify,
}

/// Something about one path that people should know.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Note {
    /// The path. In JSON bytes that are no UTF-8 become U+FFFD.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// What happened.
    pub reason: String,
}

/// Receives progress; every method is called from several threads and must be quick. All do nothing by default.
pub trait Progress: Send + Sync {
    /// Whether totals are wanted: they cost a second walk through the tree at a first backup.
    fn wants_total(&self) -> bool {
        false
    }

    /// How much there is to do in all; may come late and more than once.
    fn total(&self, _files: u64, _bytes: u64) {}

    /// That much more is done: files and their bytes.
    fn done(&self, _files: u64, _bytes: u64) {}

    /// That many more bytes were sent to or read from the network.
    fn transferred(&self, _bytes: u64) {}

    /// What happens now.
    fn phase(&self, _phase: Phase) {}

    /// A file was skipped, could not be read, or is lost.
    fn note(&self, _note: &Note) {}
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {}

/// Stops an operation from another thread or a signal handler.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the operation to stop soon; what is durable stays.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether stopping was asked for.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<(), ClientError> {
        if self.is_cancelled() { Err(ClientError::Cancelled) } else { Ok(()) }
    }
}

/// A path as text: JSON has no other, and a name that is no UTF-8 must not end a report.
pub(crate) fn lossy<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}
