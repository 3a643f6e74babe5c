//! Tests of the rules: a good description passes, and each broken field is named.

use primitives::{Address, MemberKey, TimestampMs, ValidatorKey};

use super::*;
use crate::{ClusterJson, DEV_BALANCE, DevKeys, Spec};

/// Ed25519 public keys: RFC 8032 section 7.1, tests 1 to 3.
const KEYS: [&str; 3] = [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
];

fn dev() -> Spec {
    let keys = DevKeys {
        validator: KEYS[0].parse::<ValidatorKey>().unwrap(),
        member: KEYS[1].parse::<MemberKey>().unwrap(),
        operator: Address::new([0x11; 20]),
        extra_allocations: vec![(Address::new([0x22; 20]), 5)],
    };
    Spec::dev(keys, TimestampMs::new(1_790_000_000_000))
}

#[test]
fn the_dev_preset_checks_and_survives_json() {
    let chain = dev().check().unwrap();
    assert_eq!(chain.params.chain_id.get(), 21330);
    assert_eq!(chain.params.batch_max, 500);
    assert_eq!(chain.params.transaction_bytes_max, 256 * 1024);
    assert_eq!(chain.clusters[0].id.as_bytes(), chain.clusters[0].members[0].as_bytes());
    assert_eq!(chain.allocations, vec![(Address::new([0x11; 20]), DEV_BALANCE), (Address::new([0x22; 20]), 5)]);
    let again = Spec::from_json(&chain.to_spec().to_json()).unwrap().check().unwrap();
    assert_eq!(again, chain);
    assert!(chain.cluster(&chain.clusters[0].id).is_some());
    assert!(chain.cluster(&Hash32::ZERO).is_none());
}

#[test]
fn the_order_of_lists_and_the_case_of_hex_do_not_move_the_network_id() {
    let mut spec = dev();
    let cluster = ClusterJson { id: "0x01".to_owned() + &"00".repeat(31), ..spec.clusters[0].clone() };
    spec.clusters.push(cluster);
    spec.clusters[0].members.push(KEYS[2].to_owned());
    spec.validators.push(ValidatorJson { key: KEYS[2].to_owned(), power: 2 });
    let id = spec.clone().check().unwrap().network;
    spec.allocations.reverse();
    spec.validators.reverse();
    spec.clusters.reverse();
    for cluster in &mut spec.clusters {
        cluster.members.reverse();
        cluster.operator = cluster.operator.to_uppercase().replace("0X", "0x");
    }
    spec.validators[0].key = spec.validators[0].key.to_uppercase().replace("0X", "");
    assert_eq!(spec.check().unwrap().network, id);
}

#[test]
fn every_other_change_moves_the_network_id() {
    let id = dev().check().unwrap().network;
    let changes: Vec<Change> = vec![
        |spec| spec.name = "dev2".to_owned(),
        |spec| spec.chain_id += 1,
        |spec| spec.timestamp += 1,
        |spec| spec.params.base_fee += 1,
        |spec| spec.params.block_gas_limit += 1,
        |spec| spec.params.block_bytes_max += 1,
        |spec| spec.params.transaction_bytes_max += 1,
        |spec| spec.params.batch_max -= 1,
        |spec| spec.params.clock_skew_ms_max += 1,
        |spec| spec.params.gas.hand_over_member += 1,
        |spec| spec.allocations[1].balance = "6".to_owned(),
        |spec| spec.validators[0].power = 2,
        |spec| spec.validators[0].key = KEYS[2].to_owned(),
        |spec| spec.clusters[0].epoch = 1,
        |spec| spec.clusters[0].operator = format!("0x{}", "33".repeat(20)),
        |spec| spec.clusters.clear(),
    ];
    let mut ids = vec![id];
    for change in changes {
        let mut spec = dev();
        change(&mut spec);
        let changed = spec.check().unwrap().network;
        assert!(!ids.contains(&changed));
        ids.push(changed);
    }
}

type Change = fn(&mut Spec);

/// The field that the error names.
fn broken(change: Change) -> String {
    let mut spec = dev();
    change(&mut spec);
    match spec.check().unwrap_err() {
        SpecError::Field { field, reason } => {
            assert!(!reason.is_empty());
            field
        }
        SpecError::Json { reason } => panic!("{reason}"),
    }
}

#[test]
fn each_broken_field_is_named() {
    let table: Vec<(&str, Change)> = vec![
        ("name", |spec| spec.name.clear()),
        ("name", |spec| spec.name = "Dev".to_owned()),
        ("name", |spec| spec.name = "a\n".to_owned()),
        ("name", |spec| spec.name = "a".repeat(33)),
        ("chainId", |spec| spec.chain_id = 0),
        ("chainId", |spec| spec.chain_id = 1 << 53),
        ("params.baseFee", |spec| spec.params.base_fee = 0),
        ("params.blockGasLimit", |spec| spec.params.block_gas_limit = 0),
        ("params.blockGasLimit", |spec| spec.params.block_gas_limit = 10_000_000),
        ("params.blockBytesMax", |spec| spec.params.block_bytes_max = 1024),
        ("params.transactionBytesMax", |spec| spec.params.transaction_bytes_max = 100),
        ("params.transactionBytesMax", |spec| spec.params.transaction_bytes_max = 2 * 1024 * 1024),
        ("params.batchMax", |spec| spec.params.batch_max = 0),
        ("params.batchMax", |spec| spec.params.batch_max = 545),
        ("params.clockSkewMsMax", |spec| spec.params.clock_skew_ms_max = 0),
        ("params.gas.transaction", |spec| spec.params.gas.transaction = 0),
        ("params.gas.commitment", |spec| spec.params.gas.commitment = 0),
        ("params.gas.byteZero", |spec| spec.params.gas.byte_zero = 1 << 53),
        ("allocations[1].address", |spec| spec.allocations[1].address = "0x12".to_owned()),
        ("allocations[1].address", |spec| spec.allocations[1].address = "0x".to_owned() + &"zz".repeat(20)),
        ("allocations[1].address", |spec| spec.allocations[1].address = "00".repeat(20)),
        ("allocations[1].address", |spec| spec.allocations[1].address = "00".repeat(18) + "0801"),
        ("allocations[1].balance", |spec| spec.allocations[1].balance = "0".to_owned()),
        ("allocations[1].balance", |spec| spec.allocations[1].balance = "1.5".to_owned()),
        ("allocations[1].balance", |spec| spec.allocations[1].balance = "-1".to_owned()),
        ("allocations[1].balance", |spec| spec.allocations[1].balance = u128::MAX.to_string()),
        ("allocations", |spec| spec.allocations[1].address = spec.allocations[0].address.clone()),
        ("validators", |spec| spec.validators.clear()),
        ("validators", |spec| spec.validators[0].power = 0),
        ("validators", |spec| spec.validators.push(spec.validators[0].clone())),
        ("validators[0].key", |spec| spec.validators[0].key = "12".to_owned()),
        ("validators[0].key", |spec| spec.validators[0].key = "02".to_owned() + &"00".repeat(31)),
        ("clusters[0].id", |spec| spec.clusters[0].id = "00".repeat(32)),
        ("clusters[0].id", |spec| spec.clusters[0].id.clear()),
        ("clusters[0].members", |spec| spec.clusters[0].members.clear()),
        ("clusters[0].members", |spec| spec.clusters[0].members = vec![KEYS[1].to_owned(); 2]),
        ("clusters[0].members[0]", |spec| spec.clusters[0].members[0] = "xyz".to_owned()),
        ("clusters[0].members[0]", |spec| spec.clusters[0].members[0] = "02".to_owned() + &"00".repeat(31)),
        ("clusters[0].threshold", |spec| spec.clusters[0].threshold = 0),
        ("clusters[0].threshold", |spec| spec.clusters[0].threshold = 2),
        ("clusters[0].operator", |spec| spec.clusters[0].operator = "00".repeat(20)),
        ("clusters", |spec| spec.clusters.push(spec.clusters[0].clone())),
    ];
    for (index, (field, change)) in table.into_iter().enumerate() {
        assert_eq!(broken(change), field, "row {index}");
    }
}

#[test]
fn json_that_is_no_description_says_where() {
    let good = dev().to_json();
    let at_line = |text: &str| match Spec::from_json(text).unwrap_err() {
        SpecError::Json { reason } => assert!(reason.contains("line"), "{reason}"),
        other @ SpecError::Field { .. } => panic!("{other}"),
    };
    at_line("");
    at_line("{");
    at_line(&good.replace("\"chainId\"", "\"chainID\""));
    at_line(&good.replace("21330", "\"21330\""));
    at_line(&good.replace("21330", "-1"));
    at_line(&good.replace("\"power\": 1", "\"power\": 1, \"extra\": 2"));
    at_line(&good.replace("\"name\": \"dev\",", "\"name\": \"dev\", \"name\": \"dev\","));
    at_line(&(good + "x"));
}

#[test]
fn system_addresses_are_a_page_of_256() {
    let address = |page: u8, last: u8| {
        Address::new(std::array::from_fn(|i| match i {
            18 => page,
            19 => last,
            _ => 0,
        }))
    };
    assert!(is_system_address(&address(8, 0)) && is_system_address(&address(8, 255)));
    assert!(!is_system_address(&address(7, 255)) && !is_system_address(&address(9, 0)));
    assert!(!is_system_address(&Address::new(std::array::from_fn(|i| if i == 0 { 1 } else { u8::from(i == 18) * 8 }))));
}
