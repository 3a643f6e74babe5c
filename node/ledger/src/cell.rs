//! Raft's values in the log's records: a length and postcard bytes.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest value: an entry of many commands, each at most 8 MiB.
const VALUE_MAX: u32 = 256 << 20;

/// `length u32 LE | postcard bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell<T>(pub(crate) T);

impl<T: std::fmt::Display> std::fmt::Display for Cell<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Serialize> codeq::Encode for Cell<T> {
    fn encode<W: Write>(&self, mut writer: W) -> io::Result<usize> {
        let bytes = postcard::to_stdvec(&self.0).map_err(io::Error::other)?;
        let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= VALUE_MAX);
        let length = length.ok_or_else(|| io::Error::other(format!("a log value of {} bytes", bytes.len())))?;
        writer.write_all(&length.to_le_bytes())?;
        writer.write_all(&bytes)?;
        Ok(bytes.len().saturating_add(4))
    }
}

impl<T: DeserializeOwned> codeq::Decode for Cell<T> {
    fn decode<R: Read>(mut reader: R) -> io::Result<Self> {
        let mut length = [0; 4];
        reader.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        if length > VALUE_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a log value of {length} bytes")));
        }
        let mut bytes = Vec::new();
        reader.take(length.into()).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).ok() != Some(length.into()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let value = postcard::from_bytes(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(Self(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codeq::{Decode, Encode};

    #[test]
    fn a_value_goes_in_and_comes_out_and_short_or_huge_ones_are_refused() {
        let mut bytes = Vec::new();
        let written = Cell((7u64, "text".to_owned())).encode(&mut bytes).unwrap();
        assert_eq!(written, bytes.len());
        assert_eq!(Cell::<(u64, String)>::decode(&*bytes).unwrap().0, (7, "text".to_owned()));
        let short = &bytes[..bytes.len() - 1];
        assert_eq!(Cell::<(u64, String)>::decode(short).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        bytes[3] = 0xFF;
        assert_eq!(Cell::<(u64, String)>::decode(&*bytes).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
