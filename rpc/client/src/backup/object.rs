//! Puts one object: the same chunks, packs and pipeline as a backup, fed from a stream.

use std::io::Read;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use primitives::ledger::{Command, Refusal};
use primitives::{PackId, TimestampMs};
use seal::OwnerSecret;
use seal::chunk::{Cut, ZERO_RUN};
use seal::pack::{FooterKeys, PackKind};
use seal::tree::{Mtime, Piece, Pieces};

use super::packer::Tools;
use super::run::Run;
use super::{files, packer, with_senders};
use crate::cache_dir::CacheDir;
use crate::fetch::Fetcher;
use crate::index::{PackNumber, VaultIndex};
use crate::object::{ObjectManifest, PutOptions};
use crate::session::Session;
use crate::tree_cache::TreeCache;
use crate::vault::OpenVault;
use crate::width::u64_of;
use crate::{BackupOptions, Client, ClientError, ObjectInfo, Phase, Progress};

/// Bytes that are read at once.
const READ: usize = 8 * 1024 * 1024;
/// Times that a version is offered while other writers are quicker.
const ATTEMPTS: u32 = 5;

/// Stores a stream as the newest version of an object.
pub(crate) fn put(
    client: &Client,
    secret: &OwnerSecret,
    options: PutOptions<'_>,
    source: &mut dyn Read,
    progress: Arc<dyn Progress>,
) -> Result<ObjectInfo, ClientError> {
    let vault = OpenVault::open(client, secret, options.vault)?;
    let cache = CacheDir::lock_or_none(client, &vault.id)?;
    let session = Session::new(client, secret);
    let mut backup = BackupOptions::new(options.vault, Vec::new());
    backup.progress = progress;
    backup.progress.phase(Phase::Index);
    let footer_keys = FooterKeys::new(&vault.keys.pack);
    let mut index = VaultIndex::open(cache.path(), client.network().network, vault.id)?;
    let fetcher = Fetcher::new(Arc::clone(client.node()), Arc::clone(&backup.progress));
    index.sync(client.node().as_ref(), &vault.record, &footer_keys, &fetcher)?;
    if let Err(ClientError::Cache { .. }) = index.chunks() {
        index.clear()?;
        index.sync(client.node().as_ref(), &vault.record, &footer_keys, &fetcher)?;
    }
    index.forget_lost(client.node().as_ref(), &vault.id)?;
    let trees = TreeCache::open(None, &index.generation(), index.lost());
    let (packer, shards) = packer(&vault, client.node().volumes()?, footer_keys);
    let run = Run::new(client, &backup, &vault, &index, &trees, None, packer, Mtime::default())?;

    backup.progress.phase(Phase::Store);
    let mut tools = Tools::new(&run.frame_keys())?;
    let mut stored = Err(ClientError::Cancelled);
    with_senders(&run, &session, shards, |_| {
        stored = store(&run, &mut tools, source).and_then(|stored| {
            backup.progress.phase(Phase::Flush);
            run.packer.flush(&mut tools)?;
            Ok(stored)
        });
    });
    if let Some(error) = run.failure() {
        return Err(error);
    }
    let Stored { content, digest, size, packs } = stored?;
    backup.progress.phase(Phase::Commit);
    let packs = recorded(&run, &packs)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let put_at = TimestampMs::new(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    let manifest = ObjectManifest::new(&options, content, digest, size, put_at);
    match commit(&session, client, secret, &vault, manifest, packs) {
        // The stream is gone: it is for the caller to begin again.
        Err(ClientError::Refused { refusal: Refusal::UnknownPack { .. }, .. }) => {
            cache.clear()?;
            Err(ClientError::StaleIndex)
        }
        result => result,
    }
}

/// What became of the stream.
struct Stored {
    content: seal::tree::Content,
    digest: primitives::Hash32,
    size: u64,
    packs: Vec<PackNumber>,
}

fn store(run: &Run<'_>, tools: &mut Tools, source: &mut dyn Read) -> Result<Stored, ClientError> {
    let (mut buffer, mut start, mut end, mut last) = (vec![0u8; READ], 0, 0, false);
    let (mut pieces, mut packs, mut size) = (Pieces::new(), Vec::new(), 0u64);
    loop {
        if run.is_stopped() {
            return Err(ClientError::Cancelled);
        }
        let (piece, len) = match run.chunker.cut(&buffer[start..end], last) {
            Cut::Chunk(len) => {
                let (id, pack) = run.store(tools, PackKind::Data, &buffer[start..start + len])?;
                if !packs.contains(&pack) {
                    packs.push(pack);
                }
                (Piece::Chunk { id, len: u32::try_from(len).unwrap_or(u32::MAX) }, len)
            }
            Cut::Zeros => (Piece::Zeros { len: u64_of(ZERO_RUN) }, ZERO_RUN),
            Cut::NeedMore if last => break,
            Cut::NeedMore => {
                buffer.copy_within(start..end, 0);
                (start, end) = (0, end - start);
                while end < READ && !last {
                    let read = source.read(&mut buffer[end..]);
                    let read = read.map_err(ClientError::io("cannot read", "the object"))?;
                    (end, last) = (end + read, read == 0);
                }
                continue;
            }
        };
        pieces.push(piece);
        start += len;
        size += u64_of(len);
        run.options.progress.done(0, u64_of(len));
    }
    let (content, digest) = files::content(run, tools, pieces.into_vec(), &mut packs)?;
    Ok(Stored { content, digest, size, packs })
}

/// The ids of the packs that the object needs, ascending.
fn recorded(run: &Run<'_>, packs: &[PackNumber]) -> Result<Vec<PackId>, ClientError> {
    let outcome = run.outcome();
    let mut ids = Vec::with_capacity(packs.len());
    for number in packs {
        let pack = outcome.resolve(*number).and_then(|number| run.index.pack(number));
        let missing = || ClientError::Internal {
            what: "naming the object's packs",
            reason: format!("pack {number} has no number"),
        };
        ids.push(pack.ok_or_else(missing)?.id);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Records the object as the next version.
fn commit(
    session: &Session<'_>,
    client: &Client,
    secret: &OwnerSecret,
    vault: &OpenVault,
    manifest: ObjectManifest,
    packs: Vec<PackId>,
) -> Result<ObjectInfo, ClientError> {
    let key = vault.keys.object_key(&manifest.name);
    for _ in 0..ATTEMPTS {
        let version = client.node().object(&vault.id, &key)?.map_or(1, |object| object.version + 1);
        let sealed = manifest.seal(secret, &vault.id, version)?;
        let command = Command::ObjectCommit { vault: vault.id, key, version, sealed, packs: packs.clone() };
        match session.apply("the object", command) {
            Ok(_) => return Ok(manifest.info(version)),
            Err(ClientError::Refused { refusal: Refusal::Sequence { .. } | Refusal::Conflict { .. }, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ClientError::Concurrent)
}
