//! Locks files of this validator against a second process.

use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind};
use std::time::{Duration, Instant};

/// An engine that is just stopping lets go of its files a little later than its actors end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_millis(10);

/// Locks `file`, waiting at most `patience` for whoever has it. Blocks the thread.
pub(crate) fn acquire(file: &File, patience: Duration) -> Result<(), Error> {
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if started.elapsed() < patience => std::thread::sleep(RETRY),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(ErrorKind::WouldBlock, "in use by another process; stop it first"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
