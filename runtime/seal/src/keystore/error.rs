//! Why a key file is refused.

use primitives::Address;

/// Why a key file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeystoreError {
    /// Too long to be a key file.
    #[error("not a key file: {found} bytes, a key file has at most {max}")]
    TooLong {
        /// Its length, bytes.
        found: usize,
        /// Longest that is read, bytes.
        max: usize,
    },
    /// Not JSON, or a field is missing or of another type.
    #[error("not a Web3 Secret Storage key file: {reason}")]
    Malformed {
        /// What the parser met.
        reason: String,
    },
    /// A version, cipher, key derivation or hash that is not part of version 3.
    #[error("the key file's {what} is {found:?}, supported is {supported}")]
    Unsupported {
        /// The field.
        what: &'static str,
        /// Its value.
        found: String,
        /// What would be accepted.
        supported: &'static str,
    },
    /// A value that breaks a rule.
    #[error("the key file's {what} is invalid: {reason}")]
    Field {
        /// The field.
        what: &'static str,
        /// The rule.
        reason: String,
    },
    /// More work or memory than is reasonable.
    #[error("opening the key file would take {what} {found}, at most {max} is done")]
    Cost {
        /// Of what.
        what: &'static str,
        /// How much it asks for.
        found: u128,
        /// How much is done.
        max: u128,
    },
    /// The passphrase does not open it.
    #[error("wrong passphrase, or the file is damaged")]
    WrongPassphrase,
    /// It opens, but holds no key.
    #[error("the key file opens, but holds no secp256k1 secret key")]
    NotAKey,
    /// It opens, but holds another account's key than it says.
    #[error("the key file says it is for 0x{expected}, but holds the key of 0x{found}")]
    Address {
        /// Account that the file names.
        expected: Address,
        /// Account of the key inside.
        found: Address,
    },
}
