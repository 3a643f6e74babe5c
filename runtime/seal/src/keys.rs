//! The keys of a vault.

use std::fmt;

use primitives::ObjectKey;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::derive::derive;

/// The keys of one vault, all derived from the owner's secret and the vault's id (`docs/spec/keys.md`). Wiped from memory
/// when dropped. None of them may be shared: what is shared is a single object's or snapshot's DEK.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct VaultKeys {
    /// Keys chunk ids: `ChunkId = BLAKE3 keyed(chunk_id, plaintext)`.
    pub chunk_id: [u8; 32],
    /// Seed of the chunker's gear table. Hides cut points from those who only see lengths; not a cipher key.
    pub cdc_seed: u64,
    /// Keys chunk encryption, epoch 0: `K_chunk = BLAKE3 keyed(dedup, chunk id)`.
    pub dedup: [u8; 32],
    /// Seals the vault's name and settings, and indexes.
    pub meta: [u8; 32],
    /// Keys the content root of trees.
    pub content: [u8; 32],
    /// Seals pack footers.
    pub pack: [u8; 32],
    /// Keys object names: `ObjectKey = BLAKE3 keyed(object, name)`.
    pub object: [u8; 32],
    /// What all of the above are derived from.
    root: [u8; 32],
}

impl VaultKeys {
    /// Derives the keys from the vault's root key.
    pub(crate) fn derive(root: &[u8; 32]) -> Self {
        let key = |context: &str| *derive(context, &[root]);
        let seed = derive("strongroom 2026 v1 vault cdc seed", &[root]);
        let [a, b, c, d, e, f, g, h, ..] = *seed;
        Self {
            chunk_id: key("strongroom 2026 v1 vault chunk id"),
            cdc_seed: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            dedup: *dedup_key(root, 0),
            meta: key("strongroom 2026 v1 vault meta"),
            content: key("strongroom 2026 v1 vault content"),
            pack: key("strongroom 2026 v1 vault pack"),
            object: key("strongroom 2026 v1 vault object"),
            root: *root,
        }
    }

    /// The chunk encryption key of a later epoch. New data of a new epoch does not deduplicate against older data.
    #[must_use]
    pub fn dedup_epoch(&self, epoch: u32) -> Zeroizing<[u8; 32]> {
        dedup_key(&self.root, epoch)
    }

    /// The place of the object `name` in the vault: tells strangers nothing about the name.
    #[must_use]
    pub fn object_key(&self, name: &str) -> ObjectKey {
        ObjectKey::new(*blake3::keyed_hash(&self.object, name.as_bytes()).as_bytes())
    }
}

fn dedup_key(root: &[u8; 32], epoch: u32) -> Zeroizing<[u8; 32]> {
    derive("strongroom 2026 v1 vault dedup", &[root, &epoch.to_le_bytes()])
}

impl fmt::Debug for VaultKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultKeys(..)")
    }
}
