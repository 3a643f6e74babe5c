//! Durability policies: how many data and parity shards a pack gets.

use std::fmt;
use std::str::FromStr;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

/// `k + m`: any `k` of the `k + m` shards of a pack rebuild it. `1 + m` means whole copies.
///
/// Range: `1 ≤ k ≤ 64`, `0 ≤ m ≤ 64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, MaxEncodedLen, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Policy {
    k: u8,
    m: u8,
}

/// Why a policy is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Neither a known name nor `k+m`.
    #[error("unknown policy {text:?}: use erasure (4+2), strong (8+4), copies (1+4), mirror (1+3) or k+m such as 6+3")]
    Unknown {
        /// The text as given.
        text: String,
    },
    /// Outside the allowed range.
    #[error("policy {k}+{m} is out of range: 1 to {max} data shards and 0 to {max} parity shards", max = Policy::SHARDS_MAX)]
    Range {
        /// Data shards asked for.
        k: u8,
        /// Parity shards asked for.
        m: u8,
    },
}

impl Policy {
    /// Most data shards, and most parity shards.
    pub const SHARDS_MAX: u8 = 64;
    /// `erasure`: 4+2, the default from six failure domains.
    pub const ERASURE: Self = Self { k: 4, m: 2 };
    /// `strong`: 8+4, from fourteen failure domains.
    pub const STRONG: Self = Self { k: 8, m: 4 };
    /// `copies`: five whole copies, the archive policy's minimum.
    pub const COPIES: Self = Self { k: 1, m: 4 };
    /// `mirror`: four whole copies.
    pub const MIRROR: Self = Self { k: 1, m: 3 };

    /// A checked policy.
    ///
    /// # Errors
    /// [`PolicyError::Range`] outside `1..=64` data or `0..=64` parity shards.
    pub const fn new(k: u8, m: u8) -> Result<Self, PolicyError> {
        if k == 0 || k > Self::SHARDS_MAX || m > Self::SHARDS_MAX {
            return Err(PolicyError::Range { k, m });
        }
        Ok(Self { k, m })
    }

    /// `k`: shards that hold the data itself, and how many are needed to read.
    #[must_use]
    pub const fn data_shards(self) -> u8 {
        self.k
    }

    /// `m`: shards that may be lost.
    #[must_use]
    pub const fn parity_shards(self) -> u8 {
        self.m
    }

    /// `k + m`.
    #[must_use]
    pub const fn width(self) -> u8 {
        self.k.saturating_add(self.m)
    }

    /// Acknowledgements in distinct failure domains that make a write successful: `k + ⌈m/2⌉`.
    #[must_use]
    pub const fn write_quorum(self) -> u8 {
        self.k.saturating_add(self.m.div_ceil(2))
    }

    /// How a vault of this policy keeps what its data hangs on, its directories and manifests: whole copies, as many as
    /// shards of its data may be lost and two more, on a network of so many `volumes` that a volume need not hold two of
    /// them. So names outlive the data, and a restore can say what is lost. A policy of copies keeps them like
    /// everything else.
    #[must_use]
    pub fn of_metadata(self, volumes: u64) -> Self {
        if self.is_copies() {
            return self;
        }
        let others = u8::try_from(volumes.saturating_sub(1)).unwrap_or(u8::MAX);
        Self { k: 1, m: self.m.saturating_add(1).min(others).min(Self::SHARDS_MAX) }
    }

    /// Whether shards are whole copies (`k = 1`).
    #[must_use]
    pub const fn is_copies(self) -> bool {
        self.k == 1
    }
}

impl Decode for Policy {
    fn decode<I: parity_scale_codec::Input>(input: &mut I) -> Result<Self, parity_scale_codec::Error> {
        let (k, m) = <(u8, u8)>::decode(input)?;
        Self::new(k, m).map_err(|_| "policy out of range".into())
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.k, self.m)
    }
}

impl From<Policy> for String {
    fn from(policy: Policy) -> Self {
        policy.to_string()
    }
}

impl TryFrom<String> for Policy {
    type Error = PolicyError;
    fn try_from(text: String) -> Result<Self, PolicyError> {
        text.parse()
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        match text {
            "erasure" => return Ok(Self::ERASURE),
            "strong" => return Ok(Self::STRONG),
            "copies" => return Ok(Self::COPIES),
            "mirror" => return Ok(Self::MIRROR),
            _ => {}
        }
        let unknown = || PolicyError::Unknown { text: text.to_owned() };
        let (k, m) = text.split_once('+').ok_or_else(unknown)?;
        Self::new(k.parse().map_err(|_| unknown())?, m.parse().map_err(|_| unknown())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_quorums() {
        for (text, k, m, quorum) in [
            ("erasure", 4, 2, 5),
            ("strong", 8, 4, 10),
            ("copies", 1, 4, 3),
            ("mirror", 1, 3, 3),
            ("6+3", 6, 3, 8),
            ("2+0", 2, 0, 2),
        ] {
            let policy: Policy = text.parse().unwrap();
            assert_eq!((policy.data_shards(), policy.parity_shards(), policy.write_quorum()), (k, m, quorum), "{text}");
            assert_eq!(policy.to_string().parse::<Policy>().unwrap(), policy);
        }
        for text in ["", "4", "0+2", "65+1", "1+65", "a+b", "4+2+1", "-1+2"] {
            assert!(text.parse::<Policy>().is_err(), "{text}");
        }
    }

    #[test]
    fn metadata_survives_more_than_data() {
        for (policy, volumes, metadata) in [
            ("4+2", 6, "1+3"),
            ("4+2", 4, "1+3"),
            ("4+2", 3, "1+2"),
            ("4+2", 1, "1+0"),
            ("4+2", 0, "1+0"),
            ("8+4", 14, "1+5"),
            ("2+0", 2, "1+1"),
            ("1+0", 6, "1+0"),
            ("1+4", 2, "1+4"),
            ("2+64", 1_000, "1+64"),
        ] {
            let policy: Policy = policy.parse().unwrap();
            assert_eq!(policy.of_metadata(volumes).to_string(), metadata, "{policy} on {volumes}");
        }
    }

    #[test]
    fn a_decoded_policy_is_checked() {
        assert_eq!(Policy::decode(&mut &[4u8, 2][..]).unwrap(), Policy::ERASURE);
        assert!(Policy::decode(&mut &[0u8, 2][..]).is_err());
    }
}
