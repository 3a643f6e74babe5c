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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use primitives::VaultId;

    use crate::OwnerSecret;

    #[test]
    fn no_two_keys_are_alike() {
        let mut all = BTreeSet::new();
        for secret in [[1; 32], [2; 32]] {
            let owner = OwnerSecret::from_bytes(&secret).unwrap();
            for vault in [VaultId::new([3; 32]), VaultId::new([4; 32])] {
                let keys = owner.vault_keys(&vault);
                assert_eq!(*keys.dedup_epoch(0), keys.dedup);
                let seed = *blake3::hash(&keys.cdc_seed.to_le_bytes()).as_bytes();
                all.extend([keys.chunk_id, keys.dedup, keys.meta, keys.content, keys.pack, keys.object, seed]);
                all.extend([*keys.dedup_epoch(1), *keys.object_key("a").as_bytes(), *keys.object_key("b").as_bytes()]);
            }
            all.insert(secret);
            all.extend([*owner.vault_salt("a").as_bytes(), *owner.vault_salt("").as_bytes(), *owner.x_wing().expose()]);
        }
        assert_eq!(all.len(), 2 * (2 * 10 + 4));
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let owner = OwnerSecret::from_bytes(&[0xab; 32]).unwrap();
        let keys = owner.vault_keys(&VaultId::ZERO);
        let dek = crate::Dek::from_bytes(&[0xab; 32]);
        let shown = format!("{owner:?} {keys:?} {dek:?} {:?}", owner.x_wing());
        assert!(!shown.contains("171") && !shown.contains(&"ab".repeat(4)), "{shown}");
    }
}
