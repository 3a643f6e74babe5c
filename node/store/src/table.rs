//! What a table is: a name, a key type, a value type.

use parity_scale_codec::{Decode, DecodeAll, Encode};

use crate::TableKey;

/// One column family. Implemented by the page [`crate::schema`] and nowhere else.
pub trait Table {
    /// Column family name.
    const NAME: &'static str;
    /// Key; its bytes sort like the keys.
    type Key: TableKey;
    /// Value.
    type Value: TableValue;
}

/// Key and value of one row.
pub type Row<T> = (<T as Table>::Key, <T as Table>::Value);

/// A value that a table can hold.
pub trait TableValue: Sized {
    /// Bytes as stored.
    fn to_bytes(&self) -> Vec<u8>;
    /// Back from bytes; the reason when they are corrupt.
    ///
    /// # Errors
    /// What the decoder met.
    fn from_bytes(bytes: &[u8]) -> Result<Self, String>;
}

impl<T: Encode + Decode> TableValue for T {
    fn to_bytes(&self) -> Vec<u8> {
        self.encode()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        Self::decode_all(&mut &*bytes).map_err(|error| error.to_string())
    }
}

/// Bytes stored as they are, without a length in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw(pub Vec<u8>);

impl TableValue for Raw {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        Ok(Self(bytes.to_vec()))
    }
}
