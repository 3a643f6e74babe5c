//! AES-256-GCM that commits to its key: a ciphertext opens under one key only.
//!
//! `nonce 12 | commitment 32 | ciphertext | tag 16`. Cipher key and commitment are the 64 bytes of BLAKE3
//! `derive_key(context)` over `key | nonce`, so that every message has a cipher key of its own.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rand::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const NONCE: usize = 12;
const COMMITMENT: usize = 32;
const TAG: usize = 16;
/// Bytes that sealing adds.
pub(crate) const OVERHEAD: usize = NONCE + COMMITMENT + TAG;

/// Why sealed bytes do not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// They were sealed under another key (or the commitment is damaged).
    Key,
    /// They, or the associated data, are damaged.
    Damaged,
}

/// Seals `plain` under `key`.
pub(crate) fn seal<R: CryptoRng + ?Sized>(
    context: &str,
    key: &[u8; 32],
    aad: &[u8],
    plain: &[u8],
    rng: &mut R,
) -> Vec<u8> {
    let mut nonce = [0; NONCE];
    rng.fill_bytes(&mut nonce);
    let (cipher, commitment) = derive(context, key, &nonce);
    let mut sealed = Vec::with_capacity(plain.len().saturating_add(OVERHEAD));
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&commitment);
    sealed.extend_from_slice(plain);
    let (_, body) = sealed.split_at_mut(NONCE.saturating_add(COMMITMENT));
    let tag = cipher
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), body)
        .expect("AES-256-GCM seals up to 64 GiB, and nothing that fits a record is longer");
    sealed.extend_from_slice(tag.as_ref());
    sealed
}

/// Opens what [`seal`] made.
pub(crate) fn open(context: &str, key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>().ok_or(Refused::Damaged)?;
    let (stored, rest) = rest.split_first_chunk::<COMMITMENT>().ok_or(Refused::Damaged)?;
    let (body, tag) = rest.split_last_chunk::<TAG>().ok_or(Refused::Damaged)?;
    let (cipher, commitment) = derive(context, key, nonce);
    if !bool::from(commitment.ct_eq(stored)) {
        return Err(Refused::Key);
    }
    let mut plain = Zeroizing::new(vec![0; body.len()]);
    cipher
        .open_separate_gather(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), body, tag, &mut plain)
        .map_err(|_| Refused::Damaged)?;
    Ok(plain)
}

/// Cipher key and commitment of one message.
fn derive(context: &str, key: &[u8; 32], nonce: &[u8; NONCE]) -> (LessSafeKey, [u8; COMMITMENT]) {
    let mut output = Zeroizing::new([0; 64]);
    blake3::Hasher::new_derive_key(context).update(key).update(nonce).finalize_xof().fill(&mut *output);
    let (cipher, commitment) = output.split_at(32);
    let cipher = UnboundKey::new(&AES_256_GCM, cipher).expect("AES-256 keys have 32 bytes");
    let commitment = commitment.try_into().expect("the second half of 64 bytes has 32");
    (LessSafeKey::new(cipher), commitment)
}
