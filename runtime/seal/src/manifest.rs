//! The manifest: what a snapshot is, for its owner's eyes only (`docs/spec/manifest.md`).
//!
//! ```text
//! manifest bytes = envelope_len u32 | SealedEnvelope | zeros up to a multiple of 4096
//! ```
//! Its bytes are one copies pack by themselves: their BLAKE3 hash is the commitment's `manifest`.

use parity_scale_codec::{Decode, Encode};
use primitives::{TimestampMs, VaultId, decode_exact};
use rand::CryptoRng;

use crate::tree::{DirectoryNode, Meta};
use crate::{Identity, Recipient, SealError, SealedEnvelope};

/// Longest manifest in the clear, bytes.
pub const MANIFEST_MAX: usize = 8 * 1024 * 1024;
/// Sealed manifests are a multiple of this long, bytes.
pub const MANIFEST_ALIGN: usize = 4096;

const VERSION: u8 = 1;
const PURPOSE: &[u8] = b"strongroom manifest v1";

/// Counts and sizes of a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Stats {
    /// Files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Sum of file sizes, bytes.
    pub bytes: u64,
    /// Left out on purpose.
    pub skipped: u64,
    /// Could not be read.
    pub errors: u64,
}

/// What a snapshot is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    /// The vault.
    pub vault: VaultId,
    /// Position in the vault's stream.
    pub seq: u64,
    /// When it was taken.
    pub taken_at: TimestampMs,
    /// Mode, owner and times of the root directory.
    pub meta: Meta,
    /// The root directory.
    pub root: DirectoryNode,
    /// Counts and sizes.
    pub stats: Stats,
    /// Host it was taken on.
    pub host: String,
    /// User who took it.
    pub user: String,
    /// Paths it was taken of, as bytes.
    pub paths: Vec<Vec<u8>>,
    /// Labels.
    pub tags: Vec<String>,
    /// Program and version that wrote it.
    pub program: String,
}

impl Manifest {
    /// Seals the manifest; the result's length is a multiple of [`MANIFEST_ALIGN`].
    ///
    /// # Errors
    /// As [`SealedEnvelope::seal`].
    pub fn seal<R: CryptoRng + ?Sized>(&self, recipients: &[Recipient], rng: &mut R) -> Result<Vec<u8>, SealError> {
        let plain = (VERSION, self).encode();
        let envelope = SealedEnvelope::seal(recipients, &aad(&self.vault, self.seq), &plain, rng)?.encode();
        let len = u32::try_from(envelope.len()).map_err(|_| SealError::Damaged { what: "manifest" })?;
        let mut bytes = len.to_le_bytes().to_vec();
        bytes.extend_from_slice(&envelope);
        bytes.resize(bytes.len().next_multiple_of(MANIFEST_ALIGN), 0);
        Ok(bytes)
    }

    /// Opens the manifest of snapshot `seq` of `vault`.
    ///
    /// # Errors
    /// As [`SealedEnvelope::open`]; also when the manifest is another snapshot's.
    pub fn open(bytes: &[u8], identity: &Identity<'_>, vault: &VaultId, seq: u64) -> Result<Self, SealError> {
        let damaged = || SealError::Damaged { what: "manifest" };
        let (len, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
        let len = usize::try_from(u32::from_le_bytes(*len)).map_err(|_| damaged())?;
        let envelope = SealedEnvelope::decode_exact(rest.get(..len).ok_or_else(damaged)?)?;
        let plain = envelope.open(identity, &aad(vault, seq))?;
        let (version, manifest) = decode_exact::<(u8, Self)>("manifest", &plain, MANIFEST_MAX)?;
        if version != VERSION {
            return Err(primitives::CodecError::Version { what: "manifest", found: version, known: VERSION }.into());
        }
        if manifest.vault != *vault || manifest.seq != seq {
            return Err(damaged());
        }
        Ok(manifest)
    }
}

/// Purpose, vault and sequence number.
fn aad(vault: &VaultId, seq: u64) -> Vec<u8> {
    [PURPOSE, vault.as_ref(), &seq.to_le_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OwnerSecret;
    use rand::SeedableRng;

    fn manifest() -> Manifest {
        Manifest {
            vault: VaultId::new([1; 32]),
            seq: 4,
            taken_at: TimestampMs::new(5),
            meta: Meta::default(),
            root: DirectoryNode::default(),
            stats: Stats { files: 1, ..Stats::default() },
            host: "here".to_owned(),
            user: "ann".to_owned(),
            paths: vec![b"/home/\xff".to_vec()],
            tags: vec!["a".to_owned()],
            program: "strongroom".to_owned(),
        }
    }

    #[test]
    fn only_its_owner_opens_it_and_only_as_its_own_snapshot() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
        let owner = OwnerSecret::generate(&mut rng);
        let other = OwnerSecret::generate(&mut rng);
        let manifest = manifest();
        let recipients = [owner.recipient(), owner.x_wing().recipient()];
        let sealed = manifest.seal(&recipients, &mut rng).unwrap();
        assert!(sealed.len().is_multiple_of(MANIFEST_ALIGN));
        let vault = manifest.vault;
        assert_eq!(Manifest::open(&sealed, &Identity::Owner(&owner), &vault, 4).unwrap(), manifest);
        assert!(Manifest::open(&sealed, &Identity::Owner(&other), &vault, 4).is_err());
        assert!(Manifest::open(&sealed, &Identity::Owner(&owner), &vault, 5).is_err());
        assert!(Manifest::open(&sealed, &Identity::Owner(&owner), &VaultId::ZERO, 4).is_err());
        let len = usize::try_from(u32::from_le_bytes(sealed[..4].try_into().unwrap())).unwrap();
        for at in 0..len + 4 {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(Manifest::open(&bad, &Identity::Owner(&owner), &vault, 4).is_err(), "byte {at}");
        }
        for at in [0, 3, 4, 100, len + 3] {
            assert!(Manifest::open(&sealed[..at], &Identity::Owner(&owner), &vault, 4).is_err(), "cut at {at}");
        }
    }
}
