//! Seals the manifest and commits the snapshot.

use std::sync::atomic::Ordering;

use primitives::ledger::{Applied, Command, Refusal};
use primitives::{COMMITMENT_VERSION, Commitment, PackId, ShardId, TimestampMs};
use seal::OwnerSecret;
use seal::manifest::{Manifest, Stats};
use seal::tree::{DirectoryNode, Node};

use super::directory::Ready;
use super::run::{Outcome, Run};
use crate::session::Session;
use crate::stage::{Placed, place_copies};
use crate::width::u64_of;
use crate::{BackupReport, ClientError};

/// Times that a snapshot is offered while other writers are quicker.
const ATTEMPTS: u32 = 5;

/// Records the snapshot whose data is stored.
pub(super) fn commit(
    run: &Run<'_>,
    session: &Session<'_>,
    secret: &OwnerSecret,
    taken_at: u64,
) -> Result<BackupReport, ClientError> {
    let mut outcome = std::mem::take(&mut *run.outcome());
    let Some(Ready { entry, .. }) = outcome.root.take() else { return Err(ClientError::Cancelled) };
    let (meta, Node::Directory(root)) = (entry.meta, entry.node) else {
        return Err(ClientError::damaged("the tree", "its root is no directory"));
    };
    let packs = pack_ids(run, &outcome)?;
    let mut manifest = Manifest {
        vault: run.vault.id,
        seq: 0,
        taken_at: TimestampMs::new(taken_at),
        meta,
        root,
        stats: Stats::default(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        user: std::env::var("USER").unwrap_or_default(),
        paths: run.options.paths.iter().map(|path| absolute(path)).collect(),
        tags: run.options.tags.clone(),
        program: concat!("strongroom ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    manifest.stats = stats(&manifest.root, &outcome);
    for _ in 0..ATTEMPTS {
        if let Some((commitment, manifest_pack)) = offer(run, session, secret, &mut manifest, &packs)? {
            save_cache(run, &mut outcome);
            // The snapshot is recorded: what fails from here on is only a cache, which the next sync completes.
            if let Err(error) = run.index.append(manifest_pack.recorded().0, &[]) {
                tracing::warn!(target: "client", %error, "the index does not have the manifest's pack");
            }
            return Ok(report(run, outcome, &manifest, &commitment));
        }
    }
    Err(ClientError::Concurrent)
}

/// Offers the snapshot as the next of its vault; `None` when another writer was quicker.
fn offer(
    run: &Run<'_>,
    session: &Session<'_>,
    secret: &OwnerSecret,
    manifest: &mut Manifest,
    packs: &[PackId],
) -> Result<Option<(Commitment, Placed)>, ClientError> {
    let (client, vault) = (run.client, run.vault);
    let record = client.node().vault(&vault.id)?;
    let record = record.ok_or_else(|| ClientError::UnknownVault { name: vault.name.clone() })?;
    manifest.seq = record.head_seq + 1;
    let recipients = [secret.recipient(), secret.x_wing().recipient()];
    let sealed = manifest.seal(&recipients, &mut rand::rng());
    let sealed = sealed.map_err(|error| ClientError::internal("sealing the manifest")(&error))?;
    let placed = place_copies(&sealed, run.packer.metadata(), client.node().as_ref(), client.network())?;
    let added = run.counters.stored_bytes.load(Ordering::Relaxed) + placed.stored_bytes();
    let retention = record.terms.retention_ms;
    let commitment = Commitment {
        version: COMMITMENT_VERSION,
        vault: vault.id,
        seq: manifest.seq,
        prev: record.head,
        content_root: manifest.root.digest,
        manifest: ShardId::of(&sealed),
        packs_root: merkle::tree::root(packs),
        packs: u32::try_from(packs.len()).map_err(|error| ClientError::internal("counting packs")(&error))?,
        files: manifest.root.files,
        logical_bytes: manifest.root.bytes,
        stored_bytes: added,
        policy: record.terms.policy,
        retain_until: TimestampMs::new(if retention == 0 {
            0
        } else {
            manifest.taken_at.get().saturating_add(retention)
        }),
        taken_at: manifest.taken_at,
    };
    let pack_commit = placed.command(vault.id);
    let Command::PackCommit { header, .. } = &pack_commit else {
        return Err(ClientError::damaged("the manifest", "no pack"));
    };
    let manifest_pack = header.id();
    let snapshot = Command::SnapshotCommit { commitment: commitment.clone(), packs: packs.to_vec(), manifest_pack };
    let applied = session.apply("the manifest's pack", pack_commit)?;
    run.counters
        .degraded
        .fetch_add(u64::from(matches!(applied, Applied::Pack { degraded: true, .. })), Ordering::Relaxed);
    match session.submit(vec![snapshot])?.pop() {
        Some(Ok(Applied::Snapshot { .. } | Applied::Done)) => Ok(Some((commitment, placed))),
        Some(Err(Refusal::Sequence { .. } | Refusal::Prev { .. } | Refusal::Conflict { .. })) => Ok(None),
        Some(Err(refusal)) => Err(ClientError::Refused { what: "the snapshot", refusal }),
        other => Err(ClientError::damaged("the ledger's answer", format!("{other:?}"))),
    }
}

/// The ids of all packs that the snapshot needs, ascending.
fn pack_ids(run: &Run<'_>, outcome: &Outcome) -> Result<Vec<PackId>, ClientError> {
    let mut ids = Vec::with_capacity(outcome.packs.len());
    for number in &outcome.packs {
        let pack = outcome.resolve(*number).and_then(|number| run.index.pack(number));
        ids.push(
            pack.ok_or_else(|| ClientError::Internal {
                what: "naming the snapshot's packs",
                reason: format!("pack {number} has no number"),
            })?
            .id,
        );
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Replaces the directory cache, unless nothing has changed. It is a cache: a failure is only logged.
fn save_cache(run: &Run<'_>, outcome: &mut Outcome) {
    let Some(mut writer) = outcome.writer.take() else { return };
    let kept = outcome.kept.iter().try_for_each(|key| writer.keep(run.cache, key));
    if let Err(error) = kept.and_then(|()| writer.finish(|number| outcome.resolve(number))) {
        tracing::warn!(target: "client", %error, "the directory cache is not kept");
    }
}

fn stats(root: &DirectoryNode, outcome: &Outcome) -> Stats {
    Stats {
        files: root.files,
        directories: root.directories,
        bytes: root.bytes,
        skipped: u64_of(outcome.skipped.len()),
        errors: u64_of(outcome.errors.len()),
    }
}

fn report(run: &Run<'_>, outcome: Outcome, manifest: &Manifest, commitment: &Commitment) -> BackupReport {
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    BackupReport {
        vault: run.vault.id,
        snapshot: commitment.seq,
        commitment: commitment.hash(),
        content_root: commitment.content_root,
        files: manifest.root.files,
        directories: manifest.root.directories,
        files_read: count(&run.counters.files_read),
        bytes: manifest.root.bytes,
        new_bytes: count(&run.counters.new_bytes),
        stored_bytes: commitment.stored_bytes,
        packs: count(&run.counters.packs),
        degraded_packs: count(&run.counters.degraded),
        skipped: outcome.skipped,
        errors: outcome.errors,
    }
}

fn absolute(path: &std::path::Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStringExt;
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()).into_os_string().into_vec()
}
