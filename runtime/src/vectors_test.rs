//! Formats and rules pinned by vectors in `tests/conformance/vectors`.
//!
//! A difference is a change of the network's rules.

use std::collections::BTreeMap;

use alloy_primitives::hex;
use chain_spec::Spec;
use conformance::pinned;
use merkle::state::{StateError, StateNodes};
use parity_scale_codec::Encode as _;
use primitives::{Address, EthHash, Hash32, Header, Height, StateRoot, TimestampMs, ValidatorKey};
use serde_json::{Value, json};

use crate::testing::{OPERATOR, OWNER, POOR, STRANGER, World, address, chain, commitment};
use crate::{
    BlockContext, CheckedTx, Outcome, SNAPSHOTS, UnsignedTx, VAULTS, calls, check, eth, execute, genesis,
    genesis_header, header,
};

fn data(bytes: impl AsRef<[u8]>) -> String {
    hex::encode_prefixed(bytes)
}

/// The state tree in memory.
#[derive(Default)]
struct Tree {
    nodes: BTreeMap<Vec<u8>, Vec<u8>>,
    values: BTreeMap<(Hash32, u64), Option<Vec<u8>>>,
}

impl StateNodes for Tree {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.nodes.get(key).cloned())
    }

    fn value(&self, key_hash: &Hash32, max_version: u64) -> Result<Option<Vec<u8>>, StateError> {
        let newest = self.values.range((*key_hash, 0)..=(*key_hash, max_version)).next_back();
        Ok(newest.and_then(|(_, value)| value.clone()))
    }
}

impl Tree {
    fn apply(&mut self, height: u64, outcome: &Outcome) -> StateRoot {
        let update = merkle::state::apply(self, height, &outcome.changes).unwrap();
        self.nodes.extend(update.nodes);
        self.values.extend(update.values.into_iter().map(|(key, value)| ((key, height), value)));
        update.root
    }
}

#[test]
fn transactions() {
    let world = World::new();
    let params = &world.spec.params;
    let terms = world.terms();
    let first = commitment(&terms, 1, Hash32::ZERO.into());
    let consent = world.consent(&terms, &OWNER);
    type Row = (&'static str, [u8; 32], Address, u128, Vec<u8>);
    let rows: Vec<Row> = vec![
        ("transfer", OWNER, address(&POOR), 5, vec![]),
        ("register", OWNER, VAULTS, 0, calls::register(&terms)),
        ("registerFor", OPERATOR, VAULTS, 0, calls::register_for(&terms, &consent)),
        ("commit", OWNER, SNAPSHOTS, 0, calls::commit(&first)),
        ("commitBatch", OPERATOR, SNAPSHOTS, 0, world.batch(std::slice::from_ref(&first))),
    ];
    let mut accepted = vec![];
    let mut refused = vec![];
    for (nonce, (name, secret, to, value, input)) in (7u64..).zip(rows) {
        let raw = UnsignedTx { nonce, to, value, input }.sign(params, &secret).unwrap();
        let tx = check(params, &raw).unwrap();
        accepted.push(json!({
            "name": name, "secret": data(secret), "raw": data(&raw), "hash": data(tx.hash()), "sender": data(tx.sender()),
            "nonce": tx.nonce(), "gasLimit": tx.gas_limit(), "maxFee": tx.max_fee().to_string(),
            "value": tx.value().to_string(), "to": data(tx.to()), "input": data(tx.input()),
        }));
        for (what, broken) in [
            ("trailing byte", [&raw[..], &[0]].concat()),
            ("cut", raw[..raw.len() - 1].to_vec()),
            ("type 3", [&[3], &raw[1..]].concat()),
        ] {
            // The kind of error only: the words after it may come from a decoder of ours or of others.
            let error = format!("{:?}", check(params, &broken).unwrap_err());
            let error = error.split(' ').next().unwrap().to_owned();
            refused.push(json!({ "name": format!("{name}, {what}"), "raw": data(&broken), "error": error }));
        }
    }
    pinned(
        "runtime-transactions.json",
        &json!({
            "description": "Signed envelopes that a node of the network accepts, and bytes that it refuses, with the kind of error.",
            "spec": "docs/spec/transactions.md",
            "network": serde_json::to_value(world.spec.to_spec()).unwrap(),
            "networkId": data(world.spec.network),
            "accepted": accepted,
            "refused": refused,
        }),
    );
}

/// Transactions of four blocks: registration, batch and transfer with a revert between, equivocation and a refused item,
/// an empty block.
fn blocks(world: &World) -> Vec<Vec<CheckedTx>> {
    let terms = world.terms();
    let items = chain(&terms, 1, Hash32::ZERO.into(), 3);
    let mut fork = items[1].clone();
    fork.files += 1;
    let gap = commitment(&terms, 9, Hash32::ZERO.into());
    let consent = world.consent(&terms, &OWNER);
    vec![
        vec![
            world.tx_at(0, &OPERATOR, VAULTS, 0, calls::register_for(&terms, &consent)),
            world.tx_at(0, &STRANGER, address(&POOR), 1_000_000, vec![]),
        ],
        vec![
            world.tx_at(1, &OPERATOR, SNAPSHOTS, 0, world.batch(&items[..2])),
            world.tx_at(1, &STRANGER, SNAPSHOTS, 0, calls::commit(&items[2])),
            world.tx_at(0, &OWNER, SNAPSHOTS, 0, calls::commit(&items[2])),
        ],
        vec![
            world.tx_at(1, &OWNER, SNAPSHOTS, 0, calls::commit(&fork)),
            world.tx_at(2, &OPERATOR, SNAPSHOTS, 0, world.batch(&[fork, gap])),
        ],
        vec![],
    ]
}

fn block_json(native: &Header, txs: &[CheckedTx], outcome: &Outcome, eth: &alloy_consensus::Header) -> Value {
    let changes: BTreeMap<String, Option<String>> =
        outcome.changes.iter().map(|(key, value)| (data(key), value.as_ref().map(data))).collect();
    let receipts: Vec<_> = outcome
        .receipts
        .iter()
        .map(|receipt| {
            let words = if receipt.success { String::new() } else { calls::describe_revert(&receipt.output) };
            json!({
                "scale": data(receipt.encode()), "success": receipt.success, "gasUsed": receipt.gas_used,
                "events": receipt.logs.len(), "output": data(&receipt.output), "error": words,
            })
        })
        .collect();
    json!({
        "height": native.height.get(),
        "timestamp": native.timestamp.get(),
        "proposer": data(native.proposer),
        "transactions": txs.iter().map(|tx| data(tx.raw())).collect::<Vec<_>>(),
        "changes": changes,
        "receipts": receipts,
        "leaves": outcome.leaves.iter().map(|leaf| data(leaf.encode())).collect::<Vec<_>>(),
        "header": data(native.encode()),
        "fields": serde_json::to_value(native).unwrap(),
        "hash": data(native.hash()),
        "ethHeaderRlp": data(alloy_rlp::encode(eth)),
        "ethHash": data(eth::hash(eth)),
    })
}

#[test]
fn chain_of_blocks() {
    let mut world = World::new();
    let (mut tree, first) = (Tree::default(), genesis(&world.spec));
    let mut parent = genesis_header(&world.spec, &first, tree.apply(0, &first));
    let eth = eth::header(&parent, EthHash::ZERO, &[], &[], &world.spec.params);
    let mut parent_eth = eth::hash(&eth);
    let mut made = vec![block_json(&parent, &[], &first, &eth)];
    for txs in blocks(&world) {
        let outcome = world.execute(&txs).unwrap();
        let root = tree.apply(world.height + 1, &outcome);
        let native = header(&world.spec, &parent, &world.block(), &txs, &outcome, root, &world.spec.validators);
        let eth = eth::header(&native, parent_eth, &txs, &outcome.receipts, &world.spec.params);
        made.push(block_json(&native, &txs, &outcome, &eth));
        world.apply(&outcome);
        world.height += 1;
        (parent, parent_eth) = (native, eth::hash(&eth));
    }
    pinned(
        "runtime-chain.json",
        &json!({
            "description": "A network from its description through five blocks: state changes, receipts, headers.",
            "spec": "docs/spec/state.md",
            "network": serde_json::to_value(world.spec.to_spec()).unwrap(),
            "networkId": data(world.spec.network),
            "genesisRecord": data(world.spec.genesis().encode()),
            "paramsScale": data(world.spec.params.encode()),
            "stateDescription": data(world.spec.state_bytes()),
            "blocks": made,
        }),
    );
}

/// The other direction: from the file alone, as another implementation would run it.
#[test]
fn the_chain_runs_from_the_file_alone() {
    let file = conformance::read("runtime-chain.json");
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let spec: Spec = serde_json::from_value(file["network"].clone()).unwrap();
    let spec = spec.check().unwrap();
    assert_eq!(bytes(&file["networkId"]), spec.network.as_bytes());
    let mut state = BTreeMap::new();
    let blocks = file["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        let expected = Header::decode_exact(&bytes(&block["header"])).unwrap();
        let context = BlockContext {
            height: Height::new(block["height"].as_u64().unwrap()),
            timestamp: TimestampMs::new(block["timestamp"].as_u64().unwrap()),
            proposer: block["proposer"].as_str().unwrap().parse::<ValidatorKey>().unwrap(),
        };
        let raw = block["transactions"].as_array().unwrap();
        let txs: Vec<_> = raw.iter().map(|raw| check(&spec.params, &bytes(raw)).unwrap()).collect();
        let outcome = match context.height {
            Height::GENESIS => genesis(&spec),
            _ => execute(&spec, &state, &context, &txs).unwrap(),
        };
        for (key, value) in &outcome.changes {
            assert_eq!(block["changes"][data(key)], json!(value.as_ref().map(data)));
            state.insert(key.clone(), value.clone().unwrap());
        }
        assert_eq!(block["changes"].as_object().unwrap().len(), outcome.changes.len());
        assert_eq!(expected.log_root, outcome.frontier.root());
        assert_eq!(expected.receipts_root, crate::receipts_root(&outcome.receipts));
        assert_eq!(expected.transactions_root, crate::transactions_root(&txs));
        assert_eq!(bytes(&block["hash"]), expected.hash().as_bytes());
    }
}
