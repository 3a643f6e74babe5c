//! Which block a caller means.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use crate::{HexBytes, Quantity};

/// A block: a tag, a QUANTITY, a 32-byte hash, or an EIP-1898 object
/// (`{"blockNumber": …}` or `{"blockHash": …, "requireCanonical": …}`).
///
/// One block is final as soon as it exists, so `latest`, `safe` and `finalized` are the same block; `pending` answers
/// as `latest`, except where a method says otherwise. A hash may be the Ethereum hash or the native hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockParam {
    /// The last block.
    #[default]
    Latest,
    /// The last block that cannot be undone: here the last block.
    Safe,
    /// The last final block: here the last block.
    Finalized,
    /// The last block with what waits for the next one.
    Pending,
    /// The genesis block.
    Earliest,
    /// The block at this height.
    Number(u64),
    /// The block of this hash.
    Hash(HexBytes<32>),
}

impl BlockParam {
    fn parse(text: &str) -> Result<Self, &'static str> {
        Ok(match text {
            "latest" => Self::Latest,
            "safe" => Self::Safe,
            "finalized" => Self::Finalized,
            "pending" => Self::Pending,
            "earliest" => Self::Earliest,
            // geth: 66 characters are a hash, everything else is a number.
            hash if hash.len() == 66 => Self::Hash(HexBytes::parse(hash)?),
            number => Self::Number(Quantity::parse(number)?.get()),
        })
    }
}

impl From<u64> for BlockParam {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl Serialize for BlockParam {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Latest => serializer.serialize_str("latest"),
            Self::Safe => serializer.serialize_str("safe"),
            Self::Finalized => serializer.serialize_str("finalized"),
            Self::Pending => serializer.serialize_str("pending"),
            Self::Earliest => serializer.serialize_str("earliest"),
            Self::Number(number) => Quantity::new(*number).serialize(serializer),
            Self::Hash(hash) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("blockHash", hash)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for BlockParam {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = BlockParam;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a block tag, number or hash")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<BlockParam, E> {
        BlockParam::parse(text).map_err(E::custom)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<BlockParam, A::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Object {
            block_number: Option<NumberOrTag>,
            block_hash: Option<HexBytes<32>>,
            // Every block that this node knows is canonical: there are no forks to tell apart.
            #[serde(rename = "requireCanonical")]
            _require_canonical: Option<bool>,
        }
        match Object::deserialize(de::value::MapAccessDeserializer::new(map))? {
            Object { block_number: Some(NumberOrTag(block)), block_hash: None, .. } => Ok(block),
            Object { block_number: None, block_hash: Some(hash), .. } => Ok(BlockParam::Hash(hash)),
            Object { block_number: Some(_), block_hash: Some(_), .. } => {
                Err(de::Error::custom("cannot specify both BlockHash and BlockNumber, choose one or the other"))
            }
            _ => {
                Err(de::Error::custom("at least one of blockNumber or blockHash is needed if a dictionary is provided"))
            }
        }
    }
}

/// A tag or number, but no hash: what EIP-1898 allows under `blockNumber`.
struct NumberOrTag(BlockParam);

impl<'de> Deserialize<'de> for NumberOrTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer).map(|text| BlockParam::parse(&text))? {
            Ok(BlockParam::Hash(_)) => Err(de::Error::custom("hex number > 64 bits")),
            Ok(block) => Ok(Self(block)),
            Err(words) => Err(de::Error::custom(words)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_read() {
        let hash = format!("0x{}", "ab".repeat(32));
        let by_hash = BlockParam::Hash(HexBytes([0xab; 32]));
        for (json, block) in [
            ("\"latest\"".to_owned(), BlockParam::Latest),
            ("\"safe\"".to_owned(), BlockParam::Safe),
            ("\"finalized\"".to_owned(), BlockParam::Finalized),
            ("\"pending\"".to_owned(), BlockParam::Pending),
            ("\"earliest\"".to_owned(), BlockParam::Earliest),
            ("\"0x10\"".to_owned(), BlockParam::Number(16)),
            (format!("\"{hash}\""), by_hash),
            ("{\"blockNumber\":\"0x10\"}".to_owned(), BlockParam::Number(16)),
            ("{\"blockNumber\":\"latest\"}".to_owned(), BlockParam::Latest),
            (format!("{{\"blockHash\":\"{hash}\"}}"), by_hash),
            (format!("{{\"blockHash\":\"{hash}\",\"requireCanonical\":true}}"), by_hash),
        ] {
            assert_eq!(serde_json::from_str::<BlockParam>(&json).unwrap(), block, "{json}");
            let written = serde_json::to_string(&block).unwrap();
            assert_eq!(serde_json::from_str::<BlockParam>(&written).unwrap(), block, "{written}");
        }
    }

    #[test]
    fn wrong_forms_are_refused_in_words() {
        for (json, words) in [
            ("\"0x01\"", "leading zero"),
            ("\"16\"", "without 0x prefix"),
            ("\"newest\"", "without 0x prefix"),
            ("16", "expected a block tag, number or hash"),
            ("{}", "at least one of"),
            (
                "{\"blockNumber\":\"0x1\",\"blockHash\":\"0xabababababababababababababababababababababababababababababababab\"}",
                "choose one",
            ),
            ("{\"blockHash\":\"0xab\"}", "another length than 64"),
        ] {
            let error = serde_json::from_str::<BlockParam>(json).unwrap_err().to_string();
            assert!(error.contains(words), "{json}: {error}");
        }
    }
}
