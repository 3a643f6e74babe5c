//! Who signs blocks, and with what weight.

use parity_scale_codec::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{Domain, ValidatorKey, ValidatorsHash, hash_parts};

/// One validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
pub struct Validator {
    /// Ed25519 public key; also the validator's address in votes.
    pub key: ValidatorKey,
    /// Voting power, ≥ 1.
    pub power: u64,
}

/// A checked set: ascending by key, no duplicates, each power ≥ 1, 1 to 256 members, total power below 2⁶³.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Serialize, Deserialize)]
#[serde(try_from = "Vec<Validator>", into = "Vec<Validator>")]
pub struct ValidatorSet(Vec<Validator>);

/// Why a list is no validator set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorSetError {
    /// No members, or too many.
    #[error("a validator set has 1 to {max} members, found {found}", max = ValidatorSet::MEMBERS_MAX)]
    Size {
        /// Members found.
        found: usize,
    },
    /// Not strictly ascending by key.
    #[error("validators must be strictly ascending by key: {key} is out of place")]
    Order {
        /// The first key out of place.
        key: ValidatorKey,
    },
    /// A power of zero, or a total of 2⁶³ or more.
    #[error("validator powers must be at least 1 and sum up to less than 2^63")]
    Power,
}

impl ValidatorSet {
    /// Most members.
    pub const MEMBERS_MAX: usize = 256;

    /// Checks a list that is already in order.
    ///
    /// # Errors
    /// [`ValidatorSetError`] when the list breaks a rule of the type.
    pub fn new(members: Vec<Validator>) -> Result<Self, ValidatorSetError> {
        if members.is_empty() || members.len() > Self::MEMBERS_MAX {
            return Err(ValidatorSetError::Size { found: members.len() });
        }
        for (left, right) in members.iter().zip(members.iter().skip(1)) {
            if left.key >= right.key {
                return Err(ValidatorSetError::Order { key: right.key });
            }
        }
        let total = members.iter().try_fold(0u64, |sum, member| sum.checked_add(member.power));
        if members.iter().any(|member| member.power == 0) || total.is_none_or(|sum| sum >= 1 << 63) {
            return Err(ValidatorSetError::Power);
        }
        Ok(Self(members))
    }

    /// Sorts a list, then checks it.
    ///
    /// # Errors
    /// As [`Self::new`]; a duplicate key shows as [`ValidatorSetError::Order`].
    pub fn from_unsorted(mut members: Vec<Validator>) -> Result<Self, ValidatorSetError> {
        members.sort_unstable();
        Self::new(members)
    }

    /// The members, ascending by key.
    #[must_use]
    pub fn members(&self) -> &[Validator] {
        &self.0
    }

    /// The member with this key.
    #[must_use]
    pub fn find(&self, key: &ValidatorKey) -> Option<&Validator> {
        self.0.binary_search_by(|member| member.key.cmp(key)).ok().and_then(|index| self.0.get(index))
    }

    /// Sum of all powers.
    #[must_use]
    pub fn total_power(&self) -> u64 {
        self.0.iter().fold(0, |sum, member| sum.saturating_add(member.power))
    }

    /// Whether `power` is more than two thirds of the total.
    #[must_use]
    pub fn is_quorum(&self, power: u64) -> bool {
        u128::from(power).saturating_mul(3) > u128::from(self.total_power()).saturating_mul(2)
    }

    /// Hash of the set (domain `validators`) over its SCALE bytes.
    #[must_use]
    pub fn hash(&self) -> ValidatorsHash {
        hash_parts(Domain::Validators, &[&self.encode()]).into()
    }
}

impl Decode for ValidatorSet {
    fn decode<I: parity_scale_codec::Input>(input: &mut I) -> Result<Self, parity_scale_codec::Error> {
        Self::new(Vec::decode(input)?).map_err(|_| "not a valid validator set".into())
    }
}

impl TryFrom<Vec<Validator>> for ValidatorSet {
    type Error = ValidatorSetError;
    fn try_from(members: Vec<Validator>) -> Result<Self, ValidatorSetError> {
        Self::new(members)
    }
}

impl From<ValidatorSet> for Vec<Validator> {
    fn from(set: ValidatorSet) -> Self {
        set.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validator(byte: u8, power: u64) -> Validator {
        Validator { key: ValidatorKey::new([byte; 32]), power }
    }

    #[test]
    fn sets_are_checked() {
        let set = ValidatorSet::from_unsorted(vec![validator(2, 1), validator(1, 1), validator(3, 1), validator(4, 1)])
            .unwrap();
        assert!(!set.is_quorum(2));
        assert!(set.is_quorum(3));
        assert_eq!(set.find(&ValidatorKey::new([3; 32])).map(|v| v.power), Some(1));
        assert_eq!(set.find(&ValidatorKey::new([9; 32])), None);
        assert!(matches!(ValidatorSet::new(vec![]), Err(ValidatorSetError::Size { found: 0 })));
        assert!(matches!(
            ValidatorSet::new(vec![validator(2, 1), validator(1, 1)]),
            Err(ValidatorSetError::Order { .. })
        ));
        assert!(matches!(
            ValidatorSet::from_unsorted(vec![validator(1, 1), validator(1, 2)]),
            Err(ValidatorSetError::Order { .. })
        ));
        assert_eq!(ValidatorSet::new(vec![validator(1, 0)]), Err(ValidatorSetError::Power));
        assert_eq!(ValidatorSet::new(vec![validator(1, 1 << 63)]), Err(ValidatorSetError::Power));
    }

    #[test]
    fn two_thirds_of_a_total_divisible_by_three_is_no_quorum() {
        let set = ValidatorSet::new(vec![validator(1, 1), validator(2, 1), validator(3, 1)]).unwrap();
        assert!(!set.is_quorum(2));
        assert!(set.is_quorum(3));
    }
}
