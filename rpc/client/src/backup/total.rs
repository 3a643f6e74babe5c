//! Counts what there is to back up, beside the backup itself, for those who show how long it will take.

use std::os::unix::fs::MetadataExt;

use super::run::Run;

/// Directories after which the count so far is told.
const TELL_EVERY: usize = 256;

/// Walks through the paths and tells the totals, more than once.
pub(super) fn scan(run: &Run<'_>) {
    let mut todo = run.options.paths.clone();
    let (mut files, mut bytes, mut directories) = (0u64, 0u64, 0usize);
    while let Some(path) = todo.pop() {
        if run.is_ending() || run.is_all_found() {
            return;
        }
        let Ok(meta) = std::fs::symlink_metadata(&path) else { continue };
        if meta.is_file() {
            files += 1;
            bytes += meta.size();
        } else if meta.is_dir() {
            directories += 1;
            let below = std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
            todo.extend(below.filter(|path| run.excludes.is_empty() || !run.excludes.matches(path)));
            if directories.is_multiple_of(TELL_EVERY) {
                run.options.progress.total(files, bytes);
            }
        }
    }
    run.options.progress.total(files, bytes);
}
