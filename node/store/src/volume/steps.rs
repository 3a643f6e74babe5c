//! The steps of a shard's write, as places where tests stop the process or make the disk fail.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

/// A step that has just been done (or, for the syncs, is just about to be reported).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The temporary file exists, empty.
    Created,
    /// All bytes are written to it.
    Written,
    /// Its data is durable.
    Synced,
    /// It has its final name.
    Renamed,
    /// The name is durable.
    DirectorySynced,
}

/// Does nothing outside tests; in tests calls the hook, which may stop the process or answer with an error.
#[derive(Default)]
pub(crate) struct Steps {
    #[cfg(test)]
    hook: std::sync::Mutex<Option<Hook>>,
}

#[cfg(test)]
pub(crate) type Hook = Box<dyn FnMut(Step) -> Result<(), Errno> + Send>;

impl std::fmt::Debug for Steps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Steps")
    }
}

impl Steps {
    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the test build has a hook here")]
    pub(crate) const fn reached(&self, _: Step) -> Result<(), Errno> {
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn reached(&self, step: Step) -> Result<(), Errno> {
        self.hook.lock().unwrap().as_mut().map_or(Ok(()), |hook| hook(step))
    }

    #[cfg(test)]
    pub(crate) fn set(&self, hook: Hook) {
        *self.hook.lock().unwrap() = Some(hook);
    }
}

/// Makes durable what a directory has in it: which names, not what is in the files. Tests ask [`synced`] which ones were.
pub(super) fn sync_directory(directory: &OwnedFd) -> Result<(), Errno> {
    rustix::fs::fsync(directory)?;
    #[cfg(test)]
    SYNCED.with_borrow_mut(|synced| synced.push(rustix::fs::fstat(directory).unwrap().st_ino));
    Ok(())
}

#[cfg(test)]
thread_local! {
    static SYNCED: std::cell::RefCell<Vec<u64>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// The directories that this thread synced since it last asked, by inode, in that order.
#[cfg(test)]
pub(super) fn synced() -> Vec<u64> {
    SYNCED.take()
}
