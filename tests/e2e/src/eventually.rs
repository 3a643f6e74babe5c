//! Waits for something that another process does: the one place where tests sleep.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);
/// Longest wait.
const BOUND: Duration = Duration::from_secs(60);

/// Looks until there is something, for a minute at most; `otherwise` says what there is instead.
///
/// # Panics
/// After a minute, with `otherwise` in the message.
pub fn eventually<T, M: Display>(mut look: impl FnMut() -> Option<T>, otherwise: impl Fn() -> M) -> T {
    let deadline = Instant::now() + BOUND;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within a minute: {}", otherwise());
        std::thread::sleep(PAUSE);
    }
}
