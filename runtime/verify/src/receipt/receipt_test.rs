//! Receipts: what they prove, and that nothing in them can be changed.

use primitives::{Certificate, ChainId, Hash32, Height, LogHash, NetworkId, Policy, Round, TimestampMs, ValidatorSet};
use proptest::prelude::*;

use super::*;
use crate::testing::{certify, commitment, cosigned, full, header, path, plain, set};

/// One change of a receipt and the step that must refuse it.
type Change = (&'static str, fn(&mut Receipt));

fn refused(receipt: &Receipt) -> ReceiptError {
    let error = receipt.verify(None).unwrap_err();
    // What cannot be verified cannot be verified after a trip through JSON either.
    let again = Receipt::parse(receipt.to_json().as_bytes()).and_then(|receipt| receipt.verify(None)).unwrap_err();
    assert_eq!(again, error);
    assert!(!error.expected.is_empty() && !error.found.is_empty() && error.expected != error.found, "{error}");
    error
}

#[test]
fn a_receipt_proves_its_commitment() {
    for receipt in [plain(), full()] {
        let proven = receipt.verify(Some(receipt.network.id)).unwrap();
        assert_eq!(proven, receipt.verify(None).unwrap());
        assert_eq!(proven.commitment, commitment(5));
        assert_eq!((proven.leaf_index, proven.log_size, proven.height), (4, 11, Height::new(7)));
        assert_eq!((proven.name.as_str(), proven.network), ("testnet-1", receipt.network.id));
        assert_eq!(proven.block, receipt.header.hash());
        assert_eq!(proven.signatures, receipt.certificate.signatures.len());
        assert_eq!(proven.handovers, receipt.handovers.len());
        let json = receipt.to_json();
        assert_eq!(Receipt::parse(json.as_bytes()).unwrap(), receipt);
        assert_eq!(Receipt::parse(json.as_bytes()).unwrap().to_json(), json);
    }
    let cosigners = full().verify(None).unwrap().cosigners.unwrap();
    assert_eq!((cosigners.count, cosigners.power, cosigners.log_signatures), (2, 17, 1));
}

#[test]
fn another_trusted_network_is_refused() {
    let error = plain().verify(Some(NetworkId::ZERO)).unwrap_err();
    assert_eq!(error.step, Step::NetworkTrusted);
    assert_eq!(error.expected, NetworkId::ZERO.to_string());
    assert_eq!(error.found, plain().network.id.to_string());
}

/// Every part of the full receipt, changed.
const CHANGES: &[Change] = &[
    ("network.id", |r| r.network.id = NetworkId::ZERO),
    ("network.id", |r| r.network.genesis.version = 2),
    ("network.id", |r| r.network.genesis.name.push('x')),
    ("network.id", |r| r.network.genesis.name = String::new()),
    ("network.id", |r| r.network.genesis.name = "a\nb".to_owned()),
    ("network.id", |r| r.network.genesis.name = "x".repeat(65)),
    ("network.id", |r| r.network.genesis.chain_id = ChainId::new(1)),
    ("network.id", |r| r.network.genesis.timestamp = TimestampMs::new(1)),
    ("network.id", |r| r.network.genesis.validators = set(&[9]).hash()),
    ("network.id", |r| r.network.genesis.params = Hash32::ZERO),
    ("network.id", |r| r.network.genesis.state = Hash32::ZERO),
    ("network.validators", |r| r.network.validators = set(&[1, 2, 3])),
    ("handovers[0].header.version", |r| r.handovers[0].header.version = 0),
    ("handovers[0].header.chainId", |r| r.handovers[0].header.chain_id = ChainId::new(1)),
    ("handovers[0].header.height", |r| r.handovers[0].header.height = Height::GENESIS),
    ("handovers[1].header.height", |r| r.handovers[1].header.height = Height::new(3)),
    ("handovers[0].header.validators", |r| r.handovers.swap(0, 1)),
    ("handovers[1].header.validators", |r| {
        r.handovers[1] = r.handovers[0].clone();
        r.handovers[1].header.height = Height::new(4);
    }),
    ("handovers[0].certificate.height", |r| r.handovers[0].certificate.height = Height::new(4)),
    ("handovers[1].certificate.block", |r| r.handovers[1].header.timestamp = TimestampMs::new(1)),
    ("handovers[1].certificate.signature", |r| r.handovers[1].certificate.round = Round::new(0)),
    ("handovers[0].certificate.quorum", |r| r.handovers[0].certificate.signatures.truncate(2)),
    ("handovers[0].certificate.order", |r| r.handovers[0].certificate.signatures.reverse()),
    ("handovers[0].nextValidators", |r| r.handovers[0].validators = set(&[1, 2])),
    ("header.validators", |r| r.handovers.truncate(1)),
    ("header.version", |r| r.header.version = 2),
    ("header.chainId", |r| r.header.chain_id = ChainId::new(7)),
    ("header.height", |r| r.header.height = Height::new(5)),
    ("header.validators", |r| r.header.validators = set(&[1]).hash()),
    ("certificate.height", |r| r.certificate.height = Height::new(8)),
    ("certificate.height", |r| r.header.height = Height::new(8)),
    ("certificate.block", |r| r.certificate.block = Default::default()),
    ("certificate.block", |r| r.header.parent = Default::default()),
    ("certificate.block", |r| r.header.timestamp = TimestampMs::new(0)),
    ("certificate.block", |r| r.header.proposer = Default::default()),
    ("certificate.block", |r| r.header.transactions_root = Default::default()),
    ("certificate.block", |r| r.header.receipts_root = Default::default()),
    ("certificate.block", |r| r.header.state_root = Default::default()),
    ("certificate.block", |r| r.header.log_size += 1),
    ("certificate.block", |r| r.header.log_root = LogHash::ZERO),
    ("certificate.block", |r| r.header.next_validators = Default::default()),
    ("certificate.block", |r| r.header.params = Hash32::ZERO),
    ("certificate.signature", |r| r.certificate.round = Round::new(0)),
    ("certificate.signature", |r| r.certificate.signatures[0].signature = r.certificate.signatures[1].signature),
    ("certificate.signer", |r| r.certificate.signatures[0].validator = Default::default()),
    ("certificate.order", |r| r.certificate.signatures[1] = r.certificate.signatures[0]),
    ("certificate.quorum", |r| r.certificate.signatures.truncate(1)),
    ("certificate.quorum", |r| r.certificate.signatures.clear()),
    ("commitment.version", |r| r.commitment.version = 2),
    ("inclusion.root", |r| r.commitment.vault = Default::default()),
    ("inclusion.root", |r| r.commitment.seq += 1),
    ("inclusion.root", |r| r.commitment.prev = Default::default()),
    ("inclusion.root", |r| r.commitment.content_root = Default::default()),
    ("inclusion.root", |r| r.commitment.manifest = Default::default()),
    ("inclusion.root", |r| r.commitment.packs_root = Default::default()),
    ("inclusion.root", |r| r.commitment.packs += 1),
    ("inclusion.root", |r| r.commitment.files += 1),
    ("inclusion.root", |r| r.commitment.logical_bytes += 1),
    ("inclusion.root", |r| r.commitment.stored_bytes += 1),
    ("inclusion.root", |r| r.commitment.policy = Policy::STRONG),
    ("inclusion.root", |r| r.commitment.retain_until = TimestampMs::new(0)),
    ("inclusion.root", |r| r.commitment.taken_at = TimestampMs::new(0)),
    ("inclusion.root", |r| r.leaf_index = 5),
    ("inclusion.length", |r| r.leaf_index = 10),
    ("inclusion.index", |r| r.leaf_index = 11),
    ("inclusion.length", |r| r.path.push(LogHash::ZERO)),
    ("inclusion.length", |r| r.path.truncate(1)),
    ("inclusion.root", |r| r.path[0] = LogHash::ZERO),
    ("inclusion.root", |r| r.path.swap(0, 1)),
    ("checkpoint.text", |r| r.checkpoint = Some(String::new())),
    ("checkpoint.text", |r| r.checkpoint = r.checkpoint.clone().map(|note| note.replace("\n11\n", "\n10\n"))),
    ("checkpoint.line", |r| r.checkpoint = r.checkpoint.clone().map(|note| note.replace('—', "–"))),
    ("checkpoint.signer", |r| r.checkpoint = Some(cosigned(&r.network.id, &r.header, &[1]))),
    ("checkpoint.time", |r| {
        let other = Header { timestamp: TimestampMs::new(5_000), ..r.header.clone() };
        r.checkpoint = Some(cosigned(&r.network.id, &other, &[5]));
    }),
    ("checkpoint.signature", |r| {
        let note = cosigned(&r.network.id, &header(7, 10, &r.network.validators, &r.network.validators), &[5]);
        let good = r.checkpoint.clone().unwrap_or_default();
        let (text, _) = good.split_once("\n\n").unwrap();
        let (_, lines) = note.split_once("\n\n").unwrap();
        r.checkpoint = Some(format!("{text}\n\n{lines}"));
    }),
];

#[test]
fn every_changed_part_fails_at_its_step() {
    for (place, change) in CHANGES {
        let mut receipt = full();
        change(&mut receipt);
        assert_eq!(refused(&receipt).place(), *place);
    }
}

#[test]
fn a_receipt_of_another_network_with_the_right_name_is_refused() {
    // The attack that a network id must stop: own validators, own genesis, everything consistent, somebody else's id.
    let mut forged = plain();
    let mine = set(&[7, 8]);
    forged.network.genesis.validators = mine.hash();
    forged.network.validators = mine.clone();
    forged.header = header(7, 11, &mine, &mine);
    forged.certificate = certify(&forged.network.id, &forged.header, &[7, 8]);
    assert_eq!(refused(&forged).step, Step::NetworkId);
    forged.network.id = forged.network.genesis.network();
    forged.certificate = certify(&forged.network.id, &forged.header, &[7, 8]);
    assert!(forged.verify(None).is_ok(), "it is a good receipt of another network");
    assert_eq!(forged.verify(Some(plain().network.id)).unwrap_err().step, Step::NetworkTrusted);
}

#[test]
fn an_old_set_cannot_sign_past_its_hand_over() {
    let mut receipt = full();
    let old = receipt.network.validators.clone();
    receipt.header = header(7, 11, &old, &old);
    receipt.certificate = certify(&receipt.network.id, &receipt.header, &[1, 2, 3, 4]);
    receipt.checkpoint = None;
    assert_eq!(refused(&receipt).step, Step::HeaderValidators);
}

#[test]
fn a_hand_over_to_the_same_set_is_harmless() {
    let mut receipt = plain();
    let set: ValidatorSet = receipt.network.validators.clone();
    let before = header(2, 1, &set, &set);
    let certificate: Certificate = certify(&receipt.network.id, &before, &[1, 2, 3]);
    receipt.handovers.push(Handover { header: before, certificate, validators: set });
    assert_eq!(receipt.verify(None).unwrap().handovers, 1);
}

#[test]
fn no_byte_of_a_receipt_can_be_changed() {
    // One bit at a time: no such change turns white space into white space, so every one must be refused.
    for (receipt, step) in [(plain(), 1), (full(), 7)] {
        let json = receipt.to_json().into_bytes();
        for position in (0..json.len()).step_by(step) {
            for bit in 0..8 {
                let mut bytes = json.clone();
                bytes[position] ^= 1 << bit;
                let outcome = Receipt::parse(&bytes).and_then(|receipt| receipt.verify(None));
                let error = outcome.expect_err(&format!("byte {position} bit {bit}"));
                assert!(!error.place().is_empty());
            }
        }
    }
}

#[test]
fn a_truncated_or_lengthened_receipt_is_refused() {
    let json = plain().to_json();
    let body = json.trim_end();
    for length in 0..body.len() {
        assert_eq!(Receipt::parse(&body.as_bytes()[..length]).unwrap_err().step, Step::Format);
    }
    assert!(Receipt::parse(format!("\n\t {json}\r\n").as_bytes()).is_ok(), "white space is nobody's business");
    assert_eq!(Receipt::parse(format!("{json}{{}}").as_bytes()).unwrap_err().step, Step::Format);
}

#[test]
fn limits_types_and_versions_are_checked_first() {
    let parse = |text: &str| Receipt::parse(text.as_bytes()).unwrap_err();
    assert_eq!(Receipt::parse(&vec![b' '; Receipt::BYTES_MAX + 1]).unwrap_err().step, Step::Format);
    let json = plain().to_json();
    let error = parse(&json.replacen("\"version\": 1", "\"version\": 2", 1));
    assert_eq!((error.step, error.expected.as_str(), error.found.as_str()), (Step::Version, "1", "2"));
    assert_eq!(parse(&json.replace("strongroom receipt", "strongroom receipts")).step, Step::Format);
    assert_eq!(parse(&"[".repeat(100_000)).step, Step::Format);
    let mut many = plain();
    many.handovers = vec![full().handovers[0].clone(); Receipt::HANDOVERS_MAX + 1];
    assert_eq!(parse(&many.to_json()).step, Step::Format);
}

#[test]
fn every_value_has_one_spelling() {
    let json = full().to_json();
    let id = full().network.id.to_string();
    for (from, to) in [
        (format!("0x{id}"), id.clone()),
        (format!("0x{id}"), format!("0x{}", id.to_uppercase())),
        (format!("0x{id}"), format!("0X{id}")),
        ("\"leafIndex\": \"4\"".to_owned(), "\"leafIndex\": 4".to_owned()),
        ("\"leafIndex\": \"4\"".to_owned(), "\"leafIndex\": \"04\"".to_owned()),
        ("\"leafIndex\": \"4\"".to_owned(), "\"leafIndex\": \"+4\"".to_owned()),
        ("\"packs\": 3".to_owned(), "\"packs\": 3.0".to_owned()),
        ("\"packs\": 3".to_owned(), "\"packs\": \"3\"".to_owned()),
        ("\"policy\": \"4+2\"".to_owned(), "\"policy\": \"erasure\"".to_owned()),
        ("\"policy\": \"4+2\"".to_owned(), "\"policy\": \"04+2\"".to_owned()),
        ("\"policy\": \"4+2\"".to_owned(), "\"policy\": \"0+2\"".to_owned()),
        ("\"packs\": 3".to_owned(), "\"packs\": 3, \"packs\": 3".to_owned()),
        ("\"packs\": 3".to_owned(), "\"packs\": 3, \"more\": 3".to_owned()),
        ("\"packs\": 3,".to_owned(), String::new()),
        ("\"handovers\"".to_owned(), "\"handOvers\"".to_owned()),
        ("\"checkpoint\"".to_owned(), "\"checkpoints\"".to_owned()),
        ("\"version\": 1,".to_owned(), "\"version\": -0,".to_owned()),
        ("\"header\": {".to_owned(), "\"header\": null, \"x\": {".to_owned()),
        ("\"power\": \"10\"".to_owned(), "\"power\": \"0\"".to_owned()),
    ] {
        assert!(json.contains(&from), "{from}");
        let changed = json.replacen(&from, &to, 1);
        assert_eq!(Receipt::parse(changed.as_bytes()).unwrap_err().step, Step::Format, "{from} → {to}");
    }
}

#[test]
fn an_absent_checkpoint_is_absent_and_not_null() {
    let json = plain().to_json();
    let with_null = json.replacen("\"header\": {", "\"checkpoint\": null, \"header\": {", 1);
    assert_ne!(with_null, json);
    assert_eq!(Receipt::parse(with_null.as_bytes()).unwrap_err().step, Step::Format);
}

#[test]
fn a_log_of_one_leaf_has_a_receipt_without_a_path() {
    let mut receipt = plain();
    receipt.header = header(1, 1, &receipt.network.validators, &receipt.network.validators);
    receipt.certificate = certify(&receipt.network.id, &receipt.header, &[1, 2, 3, 4]);
    (receipt.commitment, receipt.leaf_index, receipt.path) = (commitment(1), 0, path(0, 1));
    assert!(receipt.path.is_empty());
    receipt.verify(None).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_stands_in_a_file_it_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Receipt::parse(&bytes).is_err());
    }

    #[test]
    fn any_changed_run_of_bytes_is_refused(at in any::<prop::sample::Index>(), with in prop::collection::vec(any::<u8>(), 1..12)) {
        let json = full().to_json().into_bytes();
        let at = at.index(json.len() - with.len());
        let mut changed = json;
        changed[at..at + with.len()].copy_from_slice(&with);
        let parsed = Receipt::parse(&changed);
        if parsed.as_ref().ok() != Some(&full()) {
            prop_assert!(parsed.and_then(|receipt| receipt.verify(None)).is_err());
        }
    }
}
