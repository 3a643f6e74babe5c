//! Why sealed bytes do not open, or cannot be made.

use primitives::CodecError;

/// Why sealed bytes do not open, or cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Sealed under another key.
    #[error("the key does not open this {what}: it was sealed for another one")]
    WrongKey {
        /// What was to be opened.
        what: &'static str,
    },
    /// Changed since it was sealed, or opened for another purpose than it was sealed for.
    #[error("this {what} is damaged, or was sealed for another place")]
    Damaged {
        /// What was to be opened.
        what: &'static str,
    },
    /// Not a complete encoding, too long, or of a version that this program does not know.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// None of the stanzas is for this identity.
    #[error("not sealed for this identity: none of the {stanzas} recipients is the one that tries to open")]
    NotARecipient {
        /// Stanzas there are.
        stanzas: usize,
    },
    /// There are passphrase stanzas, and the passphrase opens none.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// A recipient that cannot be sealed for.
    #[error("cannot seal for this recipient: {reason}")]
    Recipient {
        /// What is wrong with its key.
        reason: &'static str,
    },
    /// Nobody, or too many, to seal for.
    #[error("an envelope has 1 to {max} recipients, found {found}")]
    Recipients {
        /// Recipients given.
        found: usize,
        /// Most recipients.
        max: usize,
    },
    /// A passphrase stanza that asks for more work than this program is willing to do, or for too little.
    #[error("the passphrase cost is out of range: {what} {found} is not in {min}..={max}")]
    Cost {
        /// Which parameter.
        what: &'static str,
        /// Its value.
        found: u32,
        /// Least allowed.
        min: u32,
        /// Most allowed.
        max: u32,
    },
}
