//! Seals plaintext so that only its owner reads it: chunks, frames, packs, trees, manifests, keys, stanzas.
//!
//! ```text
//!   file ─► Chunker ─► chunks ─► FrameSealer ─► frames ─► PackBuilder ─► pack
//!                        │                                   ▲
//!                        └─ ids ─► Entry ─► DirectoryWriter ─┘
//!   OwnerSecret ──derive──► VaultKeys ──► chunk ids, chunk keys, names, footers
//!        │ account, X-Wing
//!        ▼
//!   Stanza(DEK) × recipients + record under the DEK = SealedEnvelope
//! ```
//!
//! ```
//! use rand::SeedableRng;
//! use seal::{Identity, OwnerSecret, SealedEnvelope};
//!
//! // A fixed seed stands in for the operating system's entropy here.
//! let mut rng = rand::rngs::StdRng::seed_from_u64(1);
//! let owner = OwnerSecret::generate(&mut rng);
//! let sealed = SealedEnvelope::seal(&[owner.recipient()], b"vault name", b"photos", &mut rng)?;
//! assert_eq!(&**sealed.open(&Identity::Owner(&owner), b"vault name")?, b"photos");
//! assert_eq!(OwnerSecret::from_phrase(&owner.phrase())?.address(), owner.address());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

// Chunks, frames, packs, trees, manifests.
pub mod chunk;
pub mod content;
pub mod frame;
pub mod manifest;
pub mod pack;
pub mod tree;
mod unit;

// Keys, stanzas, records.
mod aead;
mod dek;
mod derive;
mod envelope;
mod hpke_provider;
mod hpke_rng;
mod key_error;
mod keys;
pub mod keystore;
mod phrase;
mod record;
mod seal_error;
mod secret;
mod stanza;
mod stanza_account;
mod stanza_passphrase;
mod stanza_x_wing;

pub use dek::Dek;
pub use envelope::SealedEnvelope;
pub use key_error::KeyError;
pub use keys::VaultKeys;
pub use record::{open_record, seal_record};
pub use seal_error::SealError;
pub use secret::OwnerSecret;
pub use stanza::{Identity, RECIPIENTS_MAX, Recipient, Stanza, unwrap, wrap};
pub use stanza_passphrase::Argon2Cost;
pub use stanza_x_wing::XWingSecret;
