//! The ledger's tasks and threads: each says how it ended, since none should.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use futures::FutureExt;
use tokio::sync::mpsc;

/// Starts parts that run by themselves; the keeper hears of the first that ends. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    ended: mpsc::Sender<String>,
}

impl Parts {
    /// Also where the reason of the first part that ends can be waited for. One is enough: it ends all.
    pub(crate) fn new() -> (Self, mpsc::Receiver<String>) {
        let (ended, reasons) = mpsc::channel(1);
        (Self { ended }, reasons)
    }

    /// Runs `part` on a task. `name` continues "the part that …".
    pub(crate) fn task(&self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        let parts = self.clone();
        tokio::spawn(async move {
            let end = AssertUnwindSafe(part).catch_unwind().await;
            parts.tell(name, end);
        });
    }

    /// Runs `part` on a thread. `name` continues "the part that …".
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn thread(
        &self,
        thread_name: String,
        name: &'static str,
        part: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let parts = self.clone();
        let body = move || parts.tell(name, catch_unwind(AssertUnwindSafe(part)));
        thread::Builder::new().name(thread_name).spawn(body).map(drop)
    }

    fn tell(&self, name: &str, end: Result<(), Box<dyn Any + Send>>) {
        let how = match end {
            Ok(()) => "has ended".to_owned(),
            Err(panic) => format!("panicked: {}", words(panic.as_ref())),
        };
        // Full: another part ended first, and its reason counts. Closed: the keeper has ended, so everything has.
        drop(self.ended.try_send(format!("the part that {name} {how}")));
    }
}

/// What was said when a panic began.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say why")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_or_ends_says_so() {
        let (parts, mut reasons) = Parts::new();
        parts.task("counts", async { panic!("no number {}", 7) });
        assert_eq!(reasons.recv().await.unwrap(), "the part that counts panicked: no number 7");
        parts.task("waits", async {});
        assert_eq!(reasons.recv().await.unwrap(), "the part that waits has ended");
    }

    #[tokio::test]
    async fn a_thread_that_panics_or_ends_says_so() {
        let (parts, mut reasons) = Parts::new();
        parts.thread("t".to_owned(), "adds", || panic!("overflow")).unwrap();
        assert_eq!(reasons.recv().await.unwrap(), "the part that adds panicked: overflow");
        parts.thread("t".to_owned(), "adds", || ()).unwrap();
        assert_eq!(reasons.recv().await.unwrap(), "the part that adds has ended");
    }

    #[tokio::test]
    async fn the_first_reason_is_kept() {
        let (parts, mut reasons) = Parts::new();
        for name in ["first", "second"] {
            parts.tell(name, Ok(()));
        }
        drop(parts);
        assert_eq!(reasons.recv().await.unwrap(), "the part that first has ended");
        assert_eq!(reasons.recv().await, None);
    }
}
