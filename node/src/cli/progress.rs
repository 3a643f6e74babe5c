//! Shows the SDK's progress as a bar, and turns ^C into a stop that keeps what is durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use client::{Cancel, Note, Phase, Progress};
use indicatif::ProgressBar;

use super::{Global, output};

/// A bar over bytes with rate and ETA.
pub(crate) struct Bar {
    bar: ProgressBar,
    files: AtomicU64,
    quiet: bool,
}

impl Bar {
    pub(crate) fn new(global: &Global, verb: &str) -> Arc<Self> {
        Arc::new(Self { bar: output::bar(global, verb), files: AtomicU64::new(0), quiet: global.quiet || global.json })
    }

    /// Takes the bar off the screen.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn wants_total(&self) -> bool {
        !self.bar.is_hidden()
    }

    fn total(&self, _files: u64, bytes: u64) {
        self.bar.set_length(bytes);
    }

    fn done(&self, files: u64, bytes: u64) {
        self.bar.inc(bytes);
        let all = self.files.fetch_add(files, Ordering::Relaxed) + files;
        if files > 0 && !self.bar.is_hidden() {
            self.bar.set_message(format!("{all} files"));
        }
    }

    fn phase(&self, phase: Phase) {
        let verb = match phase {
            Phase::Index => "index",
            Phase::Store => "back up",
            Phase::Flush => "flush",
            Phase::Commit => "commit",
            Phase::Plan => "plan",
            Phase::Restore => "restore",
            Phase::Verify => "verify",
        };
        self.bar.set_prefix(verb);
    }

    fn note(&self, note: &Note) {
        if !self.quiet {
            self.bar.suspend(|| eprintln!("note: {}: {}", output::path(&note.path), note.reason));
        }
    }
}

/// Stops the operation at the first ^C or SIGTERM; a second one ends the process at once.
pub(crate) fn cancel_on_signal() -> Cancel {
    let cancel = Cancel::default();
    let handle = cancel.clone();
    let installed = ctrlc::set_handler(move || {
        if handle.is_cancelled() {
            std::process::exit(130);
        }
        handle.cancel();
        eprintln!("\nstopping (again ^C ends at once)");
    });
    if let Err(error) = installed {
        tracing::debug!(%error, "no signal handler");
    }
    cancel
}
