//! Why bytes or words are no key.

/// Why bytes or words are no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Zero, or not below the order of secp256k1.
    #[error("these 32 bytes are not a secp256k1 secret key")]
    NotAKey,
    /// Another number of words.
    #[error("a recovery phrase has 24 words, found {found}")]
    WordCount {
        /// Words found.
        found: usize,
    },
    /// A word that is not in the list. The word itself is not repeated, because it may be part of a secret.
    #[error("word {position} of the recovery phrase is not in the BIP-39 English word list")]
    UnknownWord {
        /// Its position, from 1.
        position: usize,
    },
    /// All words are known, but they do not belong together.
    #[error("the recovery phrase's checksum does not hold: a word is wrong or two are swapped")]
    Checksum,
}
