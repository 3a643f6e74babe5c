//! Seals plaintext so that only its owner reads it: chunks, frames, packs, trees, manifests, keys, stanzas.
