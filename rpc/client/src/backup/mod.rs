//! Takes a snapshot.
//!
//! ```text
//! walker ─┬─ small files ─────────────┐
//!         └─ big files ─► reader ─cuts─┴─► workers: id → known? → seal into an open pack → full? encode ─► senders
//!                                             └─ directories, when their last entry is there              └─► committer
//! ```
//! Few buffers, bounded channels: memory does not depend on the size of what is backed up.

mod directory;
mod files;
mod finish;
mod listing;
mod object;
mod packer;
mod paths;
mod reader;
mod run;
mod total;
mod upload;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::time::{SystemTime, UNIX_EPOCH};

use crossbeam_channel::bounded;
use primitives::ledger::Refusal;
use seal::OwnerSecret;
use seal::pack::FooterKeys;
use seal::tree::Mtime;

pub(crate) use object::put;
pub(crate) use reader::Cutter;

use crate::cache_dir::CacheDir;
use crate::fetch::Fetcher;
use crate::index::VaultIndex;
use crate::session::Session;
use crate::tree_cache::TreeCache;
use crate::vault::OpenVault;
use crate::{BackupOptions, BackupReport, Client, ClientError, Phase};
use packer::{Packer, Tools};
use run::Run;
use walk::Walker;

/// Jobs that wait for a worker.
const JOBS: usize = 8;
/// Big files that wait for the reader.
const BIG: usize = 64;
/// Packs that wait to be recorded.
const PLACED: usize = 64;

/// Takes a snapshot of the paths in the options.
pub(crate) fn backup(
    client: &Client,
    secret: &OwnerSecret,
    options: &BackupOptions,
) -> Result<BackupReport, ClientError> {
    let vault = OpenVault::open(client, secret, &options.vault)?;
    let cache = CacheDir::lock(client, &vault.id)?;
    crate::open::raise_limit();
    match attempt(client, secret, options, &vault, &cache) {
        // The cache speaks of packs that the ledger does not have, or is damaged: begin without it.
        Err(
            error @ (ClientError::Refused { refusal: Refusal::UnknownPack { .. }, .. } | ClientError::Cache { .. }),
        ) => {
            tracing::warn!(target: "client", %error, "the local cache cannot be used; starting without it");
            cache.clear()?;
            attempt(client, secret, options, &vault, &cache)
        }
        result => result,
    }
}

fn attempt(
    client: &Client,
    secret: &OwnerSecret,
    options: &BackupOptions,
    vault: &OpenVault,
    cache_dir: &CacheDir,
) -> Result<BackupReport, ClientError> {
    let session = Session::new(client, secret);
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let started_at = Mtime { secs: i64::try_from(started.as_secs()).unwrap_or(0), nanos: started.subsec_nanos() };

    options.progress.phase(Phase::Index);
    let footer_keys = FooterKeys::new(&vault.keys.pack);
    let mut index = VaultIndex::open(cache_dir.path(), client.network().network, vault.id)?;
    let fetcher = Fetcher::new(Arc::clone(client.node()), Arc::clone(&options.progress));
    index.sync(client.node().as_ref(), &vault.record, &footer_keys, &fetcher)?;
    index.forget_lost(client.node().as_ref(), &vault.id)?;
    let cache_path = cache_dir.path().map(|path| path.join(tree_cache_name(&options.paths)));
    let cache = TreeCache::open(cache_path.as_deref(), &index.generation(), index.lost());

    let (packer, shards) = packer(vault, client.node().volumes()?, footer_keys);
    let run = Run::new(client, options, vault, &index, &cache, cache_path.as_deref(), packer, started_at)?;

    options.progress.phase(Phase::Store);
    let known = known_total(&cache, options);
    if let Some((files, bytes)) = known {
        options.progress.total(files, bytes);
    }
    std::thread::scope(|scope| {
        if known.is_none() && options.progress.wants_total() {
            scope.spawn(|| total::scan(&run));
        }
        store(&run, &session, shards)
    })?;
    if let Some(error) = run.failure() {
        return Err(error);
    }
    options.cancel.check()?;
    options.progress.phase(Phase::Commit);
    let taken_at = u64::try_from(started.as_millis()).unwrap_or(u64::MAX);
    finish::commit(&run, &session, secret, taken_at)
}

/// Files and bytes of the last backup of the same directory.
fn known_total(cache: &TreeCache, options: &BackupOptions) -> Option<(u64, u64)> {
    let [path] = options.paths.as_slice() else { return None };
    let path = std::fs::canonicalize(path).ok()?;
    cache.get(&directory::key_of(&path)).map(|summary| (summary.node.files, summary.node.bytes))
}

/// Open packs for a vault, and where their shards come out.
fn packer(vault: &OpenVault, volumes: u64, keys: FooterKeys) -> (Packer, Shards) {
    let policy = vault.record.terms.policy;
    let (shards_in, shards) = bounded(usize::from(policy.width()) * 4);
    (Packer::new(policy, volumes, keys, shards_in), shards)
}

/// Runs all threads until everything is stored.
fn store(run: &Run<'_>, session: &Session<'_>, shards: Shards) -> Result<(), ClientError> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let tools = || Tools::new(&run.frame_keys());
    let (jobs_in, jobs) = bounded(JOBS);
    let (big_in, big) = bounded(BIG);
    let all_read = Barrier::new(workers);
    let (reader_tools, walker_tools) = (tools()?, tools()?);
    let worker_tools = (0..workers).map(|_| tools()).collect::<Result<Vec<_>, _>>()?;
    with_senders(run, session, shards, |scope| {
        let reader = scope.spawn({
            let jobs_in = jobs_in.clone();
            move || reader::read_all(run, reader_tools, &big, &jobs_in)
        });
        let workers: Vec<_> = worker_tools
            .into_iter()
            .map(|mut tools| {
                let (jobs, all_read) = (jobs.clone(), &all_read);
                scope.spawn(move || {
                    files::work(run, &mut tools, &jobs);
                    // Nobody opens a pack any more once all have come here.
                    if all_read.wait().is_leader() {
                        run.options.progress.phase(Phase::Flush);
                    }
                    if !run.is_stopped()
                        && let Err(error) = run.packer.flush(&mut tools)
                    {
                        run.fail(error);
                    }
                })
            })
            .collect();
        drop(jobs);
        if let Err(error) = Walker::new(run, walker_tools, jobs_in, big_in).walk() {
            run.fail(error);
        }
        run.found_all();
        for thread in workers.into_iter().chain([reader]) {
            let _ = thread.join();
        }
    });
    Ok(())
}

/// Where shards that are to be sent come from.
pub(crate) type Shards = crossbeam_channel::Receiver<(Arc<crate::stage::Encoded>, u8)>;

/// Runs `body` while other threads send shards and record packs; returns when all that `body` packed is recorded.
fn with_senders<'scope, 'env: 'scope>(
    run: &'env Run<'_>,
    session: &'env Session<'_>,
    shards: Shards,
    body: impl for<'s> FnOnce(&'s std::thread::Scope<'s, 'env>),
) {
    let senders = usize::from(run.vault.record.terms.policy.width()).clamp(4, 8);
    let (placed_in, placed) = bounded(PLACED);
    std::thread::scope(|scope| {
        for _ in 0..senders {
            let (shards, placed) = (shards.clone(), placed_in.clone());
            scope.spawn(move || upload::send(run, &shards, &placed));
        }
        drop((shards, placed_in));
        scope.spawn(move || upload::commit(run, session, &placed));
        body(scope);
        run.packer.end();
    });
}

/// The name of the directory cache for these paths.
fn tree_cache_name(paths: &[PathBuf]) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        hasher.update(path.as_os_str().as_bytes()).update(&[0]);
    }
    format!("trees-{}", &hasher.finalize().to_hex()[..16])
}

/// Whether the caches of this name belong to backups.
pub(crate) fn is_tree_cache(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("trees-"))
}
