//! How a long operation tells how far it is, and how it is stopped.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::ser::SerializeMap;

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
    /// The path. In JSON: `path`, and `pathHex` when it is no UTF-8.
    #[serde(flatten, serialize_with = "path_fields")]
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

/// A path as fields of the object around it: `path`, where bytes that are no UTF-8 become U+FFFD, and only then `pathHex`,
/// all of its bytes in hex. JSON has nothing but text, and a name must neither end a report nor be lost in it.
pub(crate) fn path_fields<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    fields(serializer, "path", "pathHex", Some(path))
}

/// The same for where a symbolic link points: `target` and `targetHex`; `target` is null for what is none.
pub(crate) fn target_fields<S: serde::Serializer>(target: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    fields(serializer, "target", "targetHex", target.as_deref())
}

fn fields<S: serde::Serializer>(
    serializer: S,
    text: &'static str,
    hex: &'static str,
    path: Option<&Path>,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry(text, &path.map(Path::to_string_lossy))?;
    if let Some(path) = path.filter(|path| path.to_str().is_none()) {
        map.serialize_entry(hex, &hex::encode(path.as_os_str().as_bytes()))?;
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use serde_json::json;

    use super::*;

    #[test]
    fn no_name_is_lost_in_json() {
        let note = |name: &[u8]| Note { path: OsString::from_vec(name.to_vec()).into(), reason: "why".to_owned() };
        assert_eq!(json!(note("né\n".as_bytes())), json!({ "path": "né\n", "reason": "why" }));
        assert_eq!(
            json!(note(b"n\xff\xfe/x")),
            json!({ "path": "n\u{fffd}\u{fffd}/x", "pathHex": "6efffe2f78", "reason": "why" })
        );
    }
}
