//! Records and receipts pinned by vectors in `tests/conformance/vectors`.

use conformance::{pinned, pinned_text};
use parity_scale_codec::Encode;
use primitives::{Domain, Genesis, NetworkId, hash_parts, precommit_sign_bytes};
use serde_json::{Value, json};

use crate::testing::{certify, cosigned, full, header, key, plain, public, set, sign};
use crate::{Receipt, checkpoint};

fn data(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(bytes))
}

#[test]
fn domains_keep_their_contexts() {
    let domains = [
        Domain::Header,
        Domain::Commitment,
        Domain::Validators,
        Domain::Params,
        Domain::Genesis,
        Domain::GenesisState,
        Domain::Pack,
        Domain::Vault,
        Domain::Command,
        Domain::ShardAck,
        Domain::Attestation,
        Domain::OwnerConsent,
        Domain::StateKey,
        Domain::StateTree,
        Domain::TreeLeaf,
        Domain::TreeNode,
        Domain::TreeRoot,
    ];
    let pattern: Vec<u8> = (0..5_000u32).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let rows = domains.map(|domain| {
        json!({
            "name": format!("{domain:?}"),
            "context": domain.context(),
            "hashOfAbc": data(hash_parts(domain, &[b"a", b"bc"])),
            "hashOfPattern": data(hash_parts(domain, &[&pattern])),
            "key": data(domain.key()),
        })
    });
    pinned("verify-domains.json", &Value::from(rows.to_vec()));
}

#[test]
fn records_keep_their_bytes() {
    let receipt = plain();
    let (network, header) = (&receipt.network.id, &receipt.header);
    let precommits = [1u8, 2, 4].map(|number| {
        let validator = public(&key(number));
        let message =
            precommit_sign_bytes(network, header.height, receipt.certificate.round, &header.hash(), &validator);
        json!({
            "secret": data([number; 32]),
            "validator": data(validator),
            "message": data(&message),
            "signature": data(sign(&key(number), &message).as_bytes()),
        })
    });
    let json = serde_json::to_value(&receipt).unwrap();
    pinned(
        "verify-records.json",
        &json!({
            "genesis": {
                "json": json["network"]["genesis"],
                "scale": data(receipt.network.genesis.encode()),
                "network": data(network),
                "stateDescription": data(b"no allocations"),
                "state": data(Genesis::state_hash(b"no allocations")),
            },
            "validators": {
                "json": json["network"]["validators"],
                "scale": data(receipt.network.validators.encode()),
                "hash": data(receipt.network.validators.hash()),
            },
            "commitment": {
                "json": json["commitment"],
                "scale": data(receipt.commitment.encode()),
                "hash": data(receipt.commitment.hash()),
                "leaf": data(merkle::log::leaf_hash(&receipt.commitment.encode())),
            },
            "header": { "json": json["header"], "scale": data(header.encode()), "hash": data(header.hash()) },
            "certificate": {
                "json": json["certificate"],
                "scale": data(receipt.certificate.encode()),
                "precommits": precommits,
            },
            "checkpoint": {
                "origin": checkpoint::origin(network),
                "text": checkpoint::text(network, header),
                "cosignatureMessage": String::from_utf8(checkpoint::cosignature_bytes(network, header)).unwrap(),
                "note": cosigned(network, header, &[1, 2]),
            },
        }),
    );
}

/// What a vector of a refused receipt says.
struct Invalid {
    name: &'static str,
    step: &'static str,
    trusted: Option<NetworkId>,
    text: String,
}

impl Invalid {
    /// The receipt as a change of one of the two good ones: at byte `at` of the file, `remove` gives way to `insert`.
    fn row(&self) -> Value {
        let good = [("verify-receipt-full.json", full().to_json()), ("verify-receipt-plain.json", plain().to_json())];
        let change = |text: &str| {
            let bad = self.text.as_str();
            let at = text.char_indices().zip(bad.chars()).find(|((_, a), b)| a != b).map_or(0, |((at, _), _)| at);
            let same = |(a, b): &(char, char)| a == b;
            let room = text.len().min(bad.len()) - at;
            let mut tail = 0;
            for (a, _) in text[at..].chars().rev().zip(bad[at..].chars().rev()).take_while(same) {
                if tail + a.len_utf8() > room {
                    break;
                }
                tail += a.len_utf8();
            }
            (at, text[at..text.len() - tail].to_owned(), bad[at..bad.len() - tail].to_owned())
        };
        let (base, text, (at, remove, insert)) = good
            .into_iter()
            .map(|(name, text)| (name, text.clone(), change(&text)))
            .min_by_key(|(_, _, (_, remove, insert))| remove.len() + insert.len())
            .unwrap();
        assert_eq!(format!("{}{insert}{}", &text[..at], &text[at + remove.len()..]), self.text);
        json!({
            "name": self.name,
            "step": self.step,
            "trustedNetwork": self.trusted.map(data),
            "base": base,
            "at": at,
            "remove": remove,
            "insert": insert,
        })
    }
}

/// A changed part of the full receipt: the first occurrence of a text is replaced.
fn edited(name: &'static str, step: &'static str, from: &str, to: &str) -> Invalid {
    let text = full().to_json();
    assert!(text.contains(from), "{name}");
    Invalid { name, step, trusted: None, text: text.replacen(from, to, 1) }
}

fn changed(name: &'static str, step: &'static str, change: impl FnOnce(&mut Receipt)) -> Invalid {
    let mut receipt = full();
    change(&mut receipt);
    Invalid { name, step, trusted: None, text: receipt.to_json() }
}

/// Files that are refused before or because of the network.
fn invalid_files() -> Vec<Invalid> {
    let forged = {
        let mut receipt = plain();
        let mine = set(&[7, 8]);
        receipt.network.genesis.validators = mine.hash();
        receipt.header = header(7, 11, &mine, &mine);
        receipt.certificate = certify(&receipt.network.id, &receipt.header, &[7, 8]);
        receipt.network.validators = mine;
        receipt
    };
    vec![
        edited("upper case hex", "format", "\"id\": \"0x", "\"id\": \"0X"),
        edited("a number where a string stands", "format", "\"leafIndex\": \"4\"", "\"leafIndex\": 4"),
        edited("a leading zero", "format", "\"leafIndex\": \"4\"", "\"leafIndex\": \"04\""),
        edited("a policy by name", "format", "\"4+2\"", "\"erasure\""),
        edited("an unknown member", "format", "\"packs\": 3", "\"packs\": 3, \"more\": 0"),
        edited("a repeated member", "format", "\"packs\": 3", "\"packs\": 3, \"packs\": 3"),
        edited("a missing member", "format", "\"packs\": 3,", ""),
        edited("another version", "version", "\"version\": 1", "\"version\": 2"),
        edited("another name", "network.id", "testnet-1", "testnet-2"),
        Invalid {
            name: "another trusted network",
            step: "network.trusted",
            trusted: Some(NetworkId::ZERO),
            text: full().to_json(),
        },
        Invalid {
            name: "own validators under a known id",
            step: "network.id",
            trusted: Some(plain().network.id),
            text: forged.to_json(),
        },
    ]
}

/// Receipts of the right network with one part changed.
fn invalid_parts() -> Vec<Invalid> {
    vec![
        changed("another first validator set", "network.validators", |r| r.network.validators = set(&[1, 2, 3])),
        changed("a missing hand-over", "header.validators", |r| r.handovers.truncate(1)),
        changed("hand-overs in the wrong order", "handovers[0].header.validators", |r| r.handovers.swap(0, 1)),
        changed("another next set", "handovers[0].nextValidators", |r| r.handovers[0].validators = set(&[1, 2])),
        changed("too few signatures in a hand-over", "handovers[1].certificate.quorum", |r| {
            r.handovers[1].certificate.signatures.truncate(3)
        }),
        changed("another chain id", "header.chainId", |r| r.header.chain_id = primitives::ChainId::new(1)),
        changed("a height below the last hand-over", "header.height", |r| r.header.height = primitives::Height::new(5)),
        changed("a changed header", "certificate.block", |r| r.header.log_size += 1),
        changed("a certificate for another height", "certificate.height", |r| {
            r.certificate.height = primitives::Height::new(8)
        }),
        changed("signers out of order", "certificate.order", |r| r.certificate.signatures.reverse()),
        changed("a signer outside the set", "certificate.signer", |r| {
            r.certificate.signatures[1].validator = primitives::ValidatorKey::new([0xff; 32])
        }),
        changed("another round", "certificate.signature", |r| r.certificate.round = primitives::Round::new(0)),
        changed("too few signatures", "certificate.quorum", |r| r.certificate.signatures.truncate(1)),
        changed("a commitment of an unknown version", "commitment.version", |r| r.commitment.version = 2),
        changed("a changed commitment", "inclusion.root", |r| r.commitment.files += 1),
        changed("a leaf outside the log", "inclusion.index", |r| r.leaf_index = 11),
        changed("a surplus hash", "inclusion.length", |r| r.path.push(primitives::LogHash::ZERO)),
        changed("a missing hash", "inclusion.length", |r| r.path.truncate(3)),
        changed("swapped hashes", "inclusion.root", |r| r.path.swap(0, 1)),
        changed("the checkpoint of another size", "checkpoint.text", |r| {
            r.checkpoint = r.checkpoint.take().map(|note| note.replace("\n11\n", "\n10\n"))
        }),
        changed("a line that is no signature", "checkpoint.line", |r| {
            r.checkpoint = r.checkpoint.take().map(|note| note + "more\n")
        }),
        changed("a cosigner outside the set", "checkpoint.signer", |r| {
            r.checkpoint = Some(cosigned(&r.network.id, &r.header, &[1]))
        }),
        changed("a cosignature of another time", "checkpoint.time", |r| {
            let late = primitives::TimestampMs::new(r.header.timestamp.get() + 60_000);
            r.checkpoint =
                Some(cosigned(&r.network.id, &primitives::Header { timestamp: late, ..r.header.clone() }, &[5]));
        }),
        changed("a log signature by somebody else's key", "checkpoint.signature", |r| {
            let line = checkpoint::log_line(
                &r.network.id,
                &public(&key(5)),
                &sign(&key(6), checkpoint::text(&r.network.id, &r.header).as_bytes()),
            );
            r.checkpoint = Some(checkpoint::note(&r.network.id, &r.header, &[line]));
        }),
    ]
}

#[test]
fn receipts_keep_their_form_and_their_verdict() {
    for (name, receipt) in [("verify-receipt-plain.json", plain()), ("verify-receipt-full.json", full())] {
        let text = receipt.to_json();
        pinned_text(name, &text);
        assert_eq!(Receipt::parse(text.as_bytes()).unwrap(), receipt);
        receipt.verify(Some(receipt.network.id)).unwrap();
    }
    let cases: Vec<_> = invalid_files().into_iter().chain(invalid_parts()).collect();
    pinned("verify-receipt-invalid.json", &cases.iter().map(Invalid::row).collect());
    for case in &cases {
        let error = Receipt::parse(case.text.as_bytes()).and_then(|receipt| receipt.verify(case.trusted)).unwrap_err();
        assert_eq!(error.place(), case.step, "{}: {error}", case.name);
    }
}
