//! Records of ours on the wire: exact bytes, with readable fields beside them.

use parity_scale_codec::{Decode, Encode};
use primitives::{CodecError, decode_exact};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Data;

/// A type that has one SCALE encoding and a limit on its length.
pub trait RecordType: Encode + Decode {
    /// What the type is called in errors.
    const NAME: &'static str;
    /// Longest encoding a decoder accepts, bytes.
    const ENCODED_MAX: usize;

    /// Decodes exactly one value and checks what a decoder can check.
    ///
    /// # Errors
    /// Malformed, too long, trailing bytes, or a version that this program does not know.
    fn decode_record(bytes: &[u8]) -> Result<Self, CodecError> {
        decode_exact(Self::NAME, bytes, Self::ENCODED_MAX)
    }
}

/// A record that people can read on the wire.
pub trait Readable: RecordType {
    /// Its readable fields.
    type View<'a>: Serialize
    where
        Self: 'a;

    /// The readable fields of this record.
    fn view(&self) -> Self::View<'_>;
}

/// A record on the wire: an object with the readable fields of `T` and `record`, its SCALE bytes as DATA.
///
/// Reading it decodes `record` and ignores everything else, so a reader hashes and verifies the very bytes that the
/// other side has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<T>(pub T);

impl<T> Record<T> {
    /// The record itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Record<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Readable> Serialize for Record<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<V> {
            #[serde(flatten)]
            view: V,
            record: Data,
        }
        Fields { view: self.0.view(), record: Data(self.0.encode()) }.serialize(serializer)
    }
}

impl<'de, T: RecordType> Deserialize<'de> for Record<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            record: Data,
        }
        let fields = Fields::deserialize(deserializer)?;
        T::decode_record(&fields.record.0).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use primitives::{Certificate, Height, Policy, Validator, ValidatorKey, ValidatorSet, VaultId};

    use super::*;

    #[test]
    fn a_record_reads_its_bytes_and_ignores_what_stands_beside_them() {
        let set = ValidatorSet::new(vec![Validator { key: ValidatorKey::new([1; 32]), power: 10 }]).unwrap();
        let json = serde_json::to_value(Record(set.clone())).unwrap();
        assert_eq!(json["totalPower"], "0xa");
        assert_eq!(json["validators"][0]["power"], "0xa");
        let mut lying = json;
        lying["totalPower"] = "0xff".into();
        assert_eq!(serde_json::from_value::<Record<ValidatorSet>>(lying).unwrap().0, set);
    }

    #[test]
    fn bytes_that_are_no_record_are_refused() {
        let certificate = Certificate { height: Height::new(1), ..Certificate::decode(&mut &[0u8; 64][..]).unwrap() };
        let mut json = serde_json::to_value(Record(certificate)).unwrap();
        let text = json["record"].as_str().unwrap().to_owned();
        for bad in [format!("{text}00"), text[..text.len() - 2].to_owned(), text[2..].to_owned(), "0x".to_owned()] {
            json["record"] = bad.clone().into();
            assert!(serde_json::from_value::<Record<Certificate>>(json.clone()).is_err(), "{bad}");
        }
        json.as_object_mut().unwrap().remove("record");
        assert!(serde_json::from_value::<Record<Certificate>>(json).is_err());
    }

    #[test]
    fn a_commitment_of_another_version_is_refused() {
        let mut commitment = primitives::Commitment {
            version: 1,
            vault: VaultId::ZERO,
            seq: 1,
            prev: Default::default(),
            content_root: Default::default(),
            manifest: Default::default(),
            packs_root: Default::default(),
            packs: 0,
            files: 0,
            logical_bytes: 0,
            stored_bytes: 0,
            policy: Policy::ERASURE,
            retain_until: Default::default(),
            taken_at: Default::default(),
        };
        let good = serde_json::to_string(&Record(commitment.clone())).unwrap();
        assert_eq!(serde_json::from_str::<Record<primitives::Commitment>>(&good).unwrap().0, commitment);
        commitment.version = 2;
        let bad = serde_json::to_string(&Record(commitment)).unwrap();
        assert!(serde_json::from_str::<Record<primitives::Commitment>>(&bad).is_err());
    }
}
