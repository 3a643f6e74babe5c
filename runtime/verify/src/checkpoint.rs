//! The checkpoint of the snapshot log: a C2SP signed note whose text a header alone fixes, cosigned by validators.
//!
//! ```text
//!   strongroom/<network id, 64 hex digits>          origin, binds the network
//!   <leaves, decimal>
//!   <root, base64>
//!                                                   an empty line, then signatures
//!   — strongroom/<network id>/<validator, 16 hex digits> base64(key id 4 | time u64 BE 8 | Ed25519 64)    cosignature/v1
//!   — strongroom/<network id> base64(key id 4 | Ed25519 64)                                               log signature
//! ```
//!
//! A cosignature's time is the header's, in whole seconds, so that all validators sign the same bytes
//! (c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature, c2sp.org/signed-note; `docs/spec/receipt.md`).

mod names;
mod note;

pub use names::{cosigner_name, origin};
pub use note::{
    CheckpointError, Cosigners, SIGNATURES_MAX, cosignature_bytes, cosignature_line, log_line, note, text,
    verify_checkpoint,
};
