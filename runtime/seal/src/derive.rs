//! BLAKE3 key derivation: one context, one key.

use zeroize::Zeroizing;

/// BLAKE3 `derive_key(context)` over the concatenation of `parts`, whose lengths are fixed by the context.
pub(crate) fn derive(context: &str, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(part);
    }
    Zeroizing::new(*hasher.finalize().as_bytes())
}
