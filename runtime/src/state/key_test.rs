//! Tests of state keys.

use super::*;

#[test]
fn keys_round_trip_and_streams_stand_in_order() {
    let vault = VaultId::new([3; 32]);
    let keys = [
        StateKey::Account(Address::new([1; 20])),
        StateKey::Vault(vault),
        StateKey::Commitment(vault, 1),
        StateKey::Commitment(vault, 255),
        StateKey::Commitment(vault, 256),
        StateKey::Commitment(vault, u64::MAX),
        StateKey::Equivocation(vault, 9),
        StateKey::Cluster(Hash32::new([4; 32])),
        StateKey::SnapshotLog,
        StateKey::Validators,
    ];
    for pair in keys.windows(2) {
        assert!(pair[0].bytes() < pair[1].bytes(), "{pair:?}");
    }
    for key in keys {
        let bytes = key.bytes();
        assert!(bytes.len() <= 41);
        assert_eq!(StateKey::parse(&bytes).unwrap(), key);
        assert!(StateKey::parse(&[&bytes[..], &[0]].concat()).is_err());
        assert!(StateKey::parse(&bytes[..bytes.len() - 1]).is_err());
    }
    assert!(StateKey::parse(&[0x13; 41]).is_err());
}
