//! Certificates: what makes a block final, and everything near it that does not.

use proptest::prelude::*;

use super::*;
use crate::testing::{certify, genesis, header, key, public, set, sign, weighted};

fn network() -> NetworkId {
    genesis(&set(&[1, 2, 3, 4])).network()
}

fn check(signers: &[u8], set: &ValidatorSet) -> Result<(), VerifyError> {
    let header = header(7, 3, set, set);
    verify_certificate(&network(), &header, &certify(&network(), &header, signers), set)
}

#[test]
fn more_than_two_thirds_make_a_block_final() {
    let four = set(&[1, 2, 3, 4]);
    assert_eq!(check(&[1, 2, 3, 4], &four), Ok(()));
    assert_eq!(check(&[1, 3, 4], &four), Ok(()));
    assert_eq!(check(&[1, 3], &four), Err(VerifyError::Quorum { found: 2, total: 4 }));
    assert_eq!(check(&[], &four), Err(VerifyError::Quorum { found: 0, total: 4 }));
    assert_eq!(check(&[1], &set(&[1])), Ok(()));
    let three = set(&[1, 2, 3]);
    assert_eq!(check(&[1, 2], &three), Err(VerifyError::Quorum { found: 2, total: 3 }), "two thirds are not more");
    let uneven = weighted(&[(1, 100), (2, 30), (3, 20)]);
    assert_eq!(check(&[1], &uneven), Err(VerifyError::Quorum { found: 100, total: 150 }));
    assert_eq!(check(&[1, 3], &uneven), Ok(()));
    assert_eq!(check(&[2, 3], &uneven), Err(VerifyError::Quorum { found: 50, total: 150 }));
    assert_eq!(check(&[1, 2], &weighted(&[(1, 1 << 62), (2, (1 << 62) - 1)])), Ok(()), "large powers do not overflow");
}

#[test]
fn what_a_certificate_speaks_of_must_be_this_block_on_this_network() {
    let four = set(&[1, 2, 3, 4]);
    let block = header(7, 3, &four, &four);
    let good = certify(&network(), &block, &[1, 2, 3]);
    let check = |header: &Header, certificate: &Certificate, set: &ValidatorSet| {
        verify_certificate(&network(), header, certificate, set)
    };
    assert_eq!(check(&block, &good, &four), Ok(()));

    let three = set(&[1, 2, 3]);
    assert_eq!(
        check(&block, &good, &three),
        Err(VerifyError::Validators { expected: four.hash(), found: three.hash() })
    );
    let other = Certificate { height: Height::new(8), ..good.clone() };
    assert!(matches!(check(&block, &other, &four), Err(VerifyError::Height { .. })));
    let other = Certificate { block: BlockHash::ZERO, ..good.clone() };
    assert!(matches!(check(&block, &other, &four), Err(VerifyError::Block { .. })));
    let other = Certificate { round: primitives::Round::new(2), ..good.clone() };
    assert!(matches!(check(&block, &other, &four), Err(VerifyError::Signature { .. })));
    assert!(matches!(verify_certificate(&NetworkId::ZERO, &block, &good, &four), Err(VerifyError::Signature { .. })));
    let other = Header { version: 2, ..block };
    assert_eq!(check(&other, &good, &four), Err(VerifyError::HeaderVersion { known: 1, found: 2 }));
}

#[test]
fn signers_are_members_once_each_and_in_order() {
    let four = set(&[1, 2, 3, 4]);
    let block = header(7, 3, &four, &four);
    let check = |certificate: &Certificate| verify_certificate(&network(), &block, certificate, &four);
    let good = certify(&network(), &block, &[1, 2, 3]);

    let mut reversed = good.clone();
    reversed.signatures.reverse();
    assert!(matches!(check(&reversed), Err(VerifyError::Order { .. })));
    let mut twice = good.clone();
    twice.signatures[1] = twice.signatures[0];
    assert_eq!(check(&twice), Err(VerifyError::Order { validator: twice.signatures[0].validator }));
    let stranger = certify(&network(), &block, &[1, 2, 3, 9]);
    assert_eq!(check(&stranger), Err(VerifyError::Unknown { validator: public(&key(9)) }), "even beside a quorum");
    let mut wrong = certify(&network(), &block, &[1, 2, 3, 4]);
    wrong.signatures[3].signature = sign(&key(1), b"something else");
    assert_eq!(check(&wrong), Err(VerifyError::Signature { validator: wrong.signatures[3].validator }));
    let mut swapped = good;
    let signature = swapped.signatures[0].signature;
    swapped.signatures[0].signature = swapped.signatures[1].signature;
    swapped.signatures[1].signature = signature;
    assert!(matches!(check(&swapped), Err(VerifyError::Signature { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_quorum_is_counted_in_power(powers in prop::collection::vec(1u64..50, 1..8), signers in any::<u8>()) {
        let members: Vec<_> = (1u8..).zip(powers.iter().copied()).collect();
        let set = weighted(&members);
        let signers: Vec<u8> = members.iter().map(|member| member.0).filter(|number| signers & (1 << (number - 1)) != 0).collect();
        let power: u64 = members.iter().filter(|member| signers.contains(&member.0)).map(|member| member.1).sum();
        let total: u64 = powers.iter().sum();
        prop_assert_eq!(check(&signers, &set).is_ok(), 3 * power > 2 * total);
    }
}
