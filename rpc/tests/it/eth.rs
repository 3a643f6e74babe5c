//! The Ethereum side: every method by raw JSON, with the shapes that ethers, viem, web3.py, cast and geth need.

use alloy_consensus::Header as EthHeader;
use primitives::ledger::VaultTerms;
use primitives::{Address, Commitment, EcdsaSignature, Hash32, Policy, VaultId};
use runtime::{SNAPSHOTS, VAULTS, calls};
use serde_json::{Value, json};

use crate::node::{Node, OPERATOR};
use crate::wire::TestServer;

fn operator() -> String {
    format!("0x{}", Address::from_secret(&OPERATOR).unwrap())
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(bytes))
}

pub(crate) fn terms(node: &Node) -> VaultTerms {
    VaultTerms {
        owner: Address::from_secret(&OPERATOR).unwrap(),
        salt: Hash32::new([4; 32]),
        cluster: node.spec.clusters[0].id,
        policy: Policy::ERASURE,
        retention_ms: 0,
        delegates: vec![],
    }
}

pub(crate) fn commitment(vault: VaultId, seq: u64, prev: primitives::CommitmentHash) -> Commitment {
    Commitment {
        version: 1,
        vault,
        seq,
        prev,
        content_root: Hash32::new([1; 32]),
        manifest: primitives::ShardId::new([2; 32]),
        packs_root: primitives::TreeRoot::new([3; 32]),
        packs: 1,
        files: 2,
        logical_bytes: 3,
        stored_bytes: 4,
        policy: Policy::ERASURE,
        retain_until: Default::default(),
        taken_at: primitives::TimestampMs::new(1_700_000_000_000),
    }
}

/// Registers the operator's vault and commits `count` snapshots, one block each; returns their hashes.
pub(crate) fn commit_snapshots(node: &Node, count: u64) -> (VaultId, Vec<primitives::CommitmentHash>) {
    let terms = terms(node);
    node.mine(&[node.sign(0, VAULTS, 0, calls::register(&terms))]);
    let (vault, mut hashes) = (terms.vault(), vec![]);
    for seq in 1..=count {
        let item = commitment(vault, seq, hashes.last().copied().unwrap_or_default());
        node.mine(&[node.sign(seq, SNAPSHOTS, 0, calls::commit(&item))]);
        hashes.push(item.hash());
    }
    (vault, hashes)
}

pub(crate) fn assert_fields(object: &Value, required: &[&str]) {
    for field in required {
        assert!(object.get(field).is_some(), "{field} is missing in {object}");
    }
}

#[tokio::test]
async fn constants() {
    let server = TestServer::start().await;
    let chain_id = server.node.spec.params.chain_id.get();
    let base_fee = format!("{:#x}", server.node.spec.params.base_fee);
    assert_eq!(server.call("eth_chainId", json!([])).await, format!("{chain_id:#x}"));
    assert_eq!(server.call("net_version", json!([])).await, chain_id.to_string());
    assert_eq!(server.call("net_listening", json!([])).await, true);
    assert_eq!(server.call("net_peerCount", json!([])).await, "0x0");
    assert_eq!(server.call("eth_blockNumber", json!([])).await, "0x0");
    assert_eq!(server.call("eth_syncing", json!([])).await, false);
    assert_eq!(server.call("eth_accounts", json!([])).await, json!([]));
    assert_eq!(server.call("eth_gasPrice", json!([])).await, base_fee);
    assert_eq!(server.call("eth_maxPriorityFeePerGas", json!([])).await, "0x0");
    let version = server.call("web3_clientVersion", json!([])).await;
    assert!(version.as_str().unwrap().starts_with("strongroom/v"), "{version}");
    assert_eq!(
        server.call("web3_sha3", json!(["0x"])).await,
        "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    );
    assert_eq!(server.call("eth_getCode", json!([operator(), "latest"])).await, "0x");
    assert_eq!(server.call("eth_getCode", json!([hex(VAULTS), "latest"])).await, "0x60006000fd");
    // Params may be left out where there are none.
    let answer = server.post(r#"{"jsonrpc":"2.0","id":"a","method":"eth_chainId"}"#).await;
    assert_eq!(answer["id"], "a");
}

#[tokio::test]
async fn a_block_has_every_field_that_clients_need_and_hashes_to_its_hash() {
    let server = TestServer::start().await;
    commit_snapshots(&server.node, 2);
    let mut parent = None;
    for number in 0..=3u64 {
        let block = server.call("eth_getBlockByNumber", json!([format!("{number:#x}"), false])).await;
        // execution-apis' required list, and what alloy's and geth's types cannot do without.
        assert_fields(
            &block,
            &[
                "hash",
                "parentHash",
                "sha3Uncles",
                "miner",
                "stateRoot",
                "transactionsRoot",
                "receiptsRoot",
                "logsBloom",
                "difficulty",
                "number",
                "gasLimit",
                "gasUsed",
                "timestamp",
                "extraData",
                "mixHash",
                "nonce",
                "size",
                "transactions",
                "uncles",
                "baseFeePerGas",
            ],
        );
        assert!(block.get("totalDifficulty").is_none());
        assert_eq!(block["number"], format!("{number:#x}"));
        assert_eq!(block["difficulty"], "0x0");
        assert_eq!(block["nonce"], "0x0000000000000000");
        assert_eq!(block["uncles"], json!([]));
        assert_eq!(block["sha3Uncles"], "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
        assert_eq!(block["logsBloom"].as_str().unwrap().len(), 2 + 512);
        assert_eq!(block["extraData"].as_str().unwrap().len(), 2 + 64);
        assert_eq!(block["transactions"].as_array().unwrap().len(), usize::from(number > 0));
        // What geth's client does: it never believes the hash, it computes it from the fields.
        let header: EthHeader = serde_json::from_value(block.clone()).unwrap();
        assert_eq!(block["hash"], hex(header.hash_slow()));
        assert!(parent.is_none() || parent == Some(block["parentHash"].clone()));
        parent = Some(block["hash"].clone());
        let native = server.call("chain_getHeader", json!([format!("{number:#x}")])).await;
        assert_eq!(native["hash"], block["extraData"]);
        assert_eq!(native["ethHash"], block["hash"]);

        let by_hash = server.call("eth_getBlockByHash", json!([block["hash"], false])).await;
        assert_eq!(by_hash, block);
        let full = server.call("eth_getBlockByHash", json!([block["hash"], true])).await;
        assert_eq!(full["hash"], block["hash"]);
        for (whole, hash) in
            full["transactions"].as_array().unwrap().iter().zip(block["transactions"].as_array().unwrap())
        {
            assert_eq!(&whole["hash"], hash);
        }
    }
}

#[tokio::test]
async fn tags_and_numbers_name_blocks() {
    let server = TestServer::start().await;
    server.node.mine(&[]);
    server.node.mine(&[]);
    let head = server.call("eth_getBlockByNumber", json!(["0x2", false])).await;
    for tag in ["latest", "safe", "finalized", "pending"] {
        assert_eq!(server.call("eth_getBlockByNumber", json!([tag, false])).await, head, "{tag}");
    }
    assert_eq!(server.call("eth_getBlockByNumber", json!(["earliest", false])).await["number"], "0x0");
    assert_eq!(server.call("eth_getBlockByNumber", json!(["0x3", false])).await, Value::Null);
    assert_eq!(server.call("eth_getBlockByNumber", json!(["0xffffffffffffffff", true])).await, Value::Null);
    assert_eq!(server.call("eth_getBlockByHash", json!([hex([9; 32]), false])).await, Value::Null);
    assert_eq!(server.call("eth_getBlockReceipts", json!(["0x3"])).await, Value::Null);
    assert_eq!(server.call("eth_getBlockReceipts", json!(["0x2"])).await, json!([]));
}

#[tokio::test]
async fn a_transfer_from_sending_to_its_receipt() {
    let server = TestServer::start().await;
    let to = Address::new([0xaa; 20]);
    let raw = server.node.sign(0, to, 1000, vec![]);
    assert_eq!(server.call("eth_getTransactionCount", json!([operator(), "pending"])).await, "0x0");
    let hash = server.call("eth_sendRawTransaction", json!([hex(&raw)])).await;
    assert_eq!(hash, hex(primitives::keccak256(&raw)));
    assert_eq!(server.call("eth_getTransactionCount", json!([operator(), "latest"])).await, "0x1");
    assert_eq!(server.call("eth_getTransactionCount", json!([operator()])).await, "0x1");
    assert_eq!(server.call("eth_getBalance", json!([hex(to), "latest"])).await, "0x3e8");

    let base_fee = format!("{:#x}", server.node.spec.params.base_fee);
    let tx = check_transaction(&server, &hash, to, &base_fee).await;
    let receipt = check_receipt(&server, &hash, &tx, &base_fee).await;
    let in_block = server.call("eth_getBlockByNumber", json!(["0x1", true])).await;
    assert_eq!(in_block["transactions"][0], tx);
    assert_eq!(server.call("eth_getBlockReceipts", json!(["latest"])).await, json!([receipt]));
}

async fn check_transaction(server: &TestServer, hash: &Value, to: Address, base_fee: &str) -> Value {
    let tx = server.call("eth_getTransactionByHash", json!([hash])).await;
    assert_fields(
        &tx,
        &[
            "hash",
            "type",
            "chainId",
            "nonce",
            "from",
            "to",
            "value",
            "gas",
            "gasPrice",
            "maxFeePerGas",
            "maxPriorityFeePerGas",
            "input",
            "accessList",
            "v",
            "yParity",
            "r",
            "s",
            "blockHash",
            "blockNumber",
            "transactionIndex",
            "blockTimestamp",
        ],
    );
    assert_eq!(tx["type"], "0x2");
    assert_eq!(tx["from"], operator());
    assert_eq!(tx["to"], hex(to));
    assert_eq!(tx["value"], "0x3e8");
    assert_eq!(tx["gasPrice"], base_fee);
    assert_eq!(tx["v"], tx["yParity"]);
    assert_eq!(tx["blockNumber"], "0x1");
    tx
}

async fn check_receipt(server: &TestServer, hash: &Value, tx: &Value, base_fee: &str) -> Value {
    let receipt = server.call("eth_getTransactionReceipt", json!([hash])).await;
    assert_fields(
        &receipt,
        &[
            "type",
            "status",
            "cumulativeGasUsed",
            "logs",
            "logsBloom",
            "transactionHash",
            "transactionIndex",
            "blockHash",
            "blockNumber",
            "gasUsed",
            "effectiveGasPrice",
            "from",
            "to",
            "contractAddress",
        ],
    );
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["type"], "0x2");
    assert_eq!(receipt["gasUsed"], "0x5208");
    assert_eq!(receipt["effectiveGasPrice"], base_fee);
    assert_eq!(receipt["contractAddress"], Value::Null);
    assert_eq!(receipt["blockHash"], tx["blockHash"]);
    receipt
}

#[tokio::test]
async fn a_waiting_transaction_has_no_receipt() {
    let server = TestServer::start().await;
    server.node.hold(true);
    let raw = server.node.sign(0, Address::new([0xaa; 20]), 1, vec![]);
    let hash = server.call("eth_sendRawTransaction", json!([hex(&raw)])).await;
    assert_eq!(server.call("eth_getTransactionReceipt", json!([hash])).await, Value::Null);
    assert_eq!(server.call("eth_getTransactionCount", json!([operator(), "pending"])).await, "0x1");
    assert_eq!(server.call("eth_getTransactionCount", json!([operator(), "latest"])).await, "0x0");
    let tx = server.call("eth_getTransactionByHash", json!([hash])).await;
    assert_eq!(
        (&tx["blockHash"], &tx["blockNumber"], &tx["transactionIndex"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    server.node.hold(false);
    assert_eq!(server.call("eth_getTransactionReceipt", json!([hash])).await["status"], "0x1");
    assert_eq!(server.call("eth_getTransactionByHash", json!([hash])).await["blockNumber"], "0x1");
    assert_eq!(server.call("eth_getTransactionByHash", json!([hex([8; 32])])).await, Value::Null);
    assert_eq!(server.call("eth_getTransactionReceipt", json!([hex([8; 32])])).await, Value::Null);
}

#[tokio::test]
async fn refused_transactions_speak_geths_words() {
    let server = TestServer::start().await;
    let to = Address::new([0xaa; 20]);
    let send = async |raw: Vec<u8>| server.fail("eth_sendRawTransaction", json!([hex(raw)])).await;
    let good = server.node.sign(0, to, 1, vec![]);
    let mut cut = good.clone();
    cut.pop();
    let mut longer = good.clone();
    longer.push(0);
    let mut other_chain = server.node.spec.params.clone();
    other_chain.chain_id = primitives::ChainId::new(1);
    let unsigned = runtime::UnsignedTx { nonce: 0, to, value: 1, input: vec![] };
    let poor = runtime::UnsignedTx { nonce: 0, to, value: 1, input: vec![] };
    for (raw, words) in [
        (server.node.sign(1, to, 1, vec![]), "nonce too high"),
        (unsigned.sign(&other_chain, &OPERATOR).unwrap(), "invalid chain id for signer"),
        (poor.sign(&server.node.spec.params, &[8; 32]).unwrap(), "insufficient funds for gas * price + value"),
        (vec![0x7e, 1, 2], "transaction type not valid"),
        (cut, ""),
        (longer, ""),
        (vec![], ""),
    ] {
        let (code, message, _) = send(raw).await;
        assert_eq!(code, -32000, "{message}");
        assert!(message.contains(words), "{message}");
    }
    server.call("eth_sendRawTransaction", json!([hex(&good)])).await;
    let (code, message, _) = send(good).await;
    assert_eq!((code, message.as_str()), (-32000, "nonce too low: next nonce 1, tx nonce 0"));
}

#[tokio::test]
async fn calls_estimates_and_reverts() {
    let server = TestServer::start().await;
    let (vault, _) = commit_snapshots(&server.node, 1);
    let next = commitment(vault, 7, Default::default());
    let request = json!({"from": operator(), "to": hex(SNAPSHOTS), "data": hex(calls::commit(&next))});
    for method in ["eth_call", "eth_estimateGas"] {
        let (code, message, data) = server.fail(method, json!([request, "latest"])).await;
        assert_eq!(code, 3, "{message}");
        assert!(message.starts_with("execution reverted: WrongSequence"), "{message}");
        assert!(data.as_str().unwrap().len() > 10, "{data}");
    }
    let gas =
        server.call("eth_estimateGas", json!([{"from": operator(), "to": hex([0xaa; 20]), "value": "0x1"}])).await;
    assert_eq!(gas, "0x5208");
    // `input` and `data`, equal or different.
    let call = hex(calls::register(&terms(&server.node)));
    let both = json!({"from": operator(), "to": hex(VAULTS), "data": call, "input": call});
    assert_eq!(server.call("eth_call", json!([both, "latest"])).await, hex(vault));
    let (code, message, _) =
        server.fail("eth_call", json!([{"to": hex(VAULTS), "data": "0x01", "input": "0x02"}])).await;
    assert_eq!(code, -32602);
    assert!(message.starts_with("both \"data\" and \"input\" are set and not equal"), "{message}");
    let (code, message, _) = server.fail("eth_call", json!([{"data": "0x01"}, "latest"])).await;
    assert_eq!(code, -32000, "{message}");
    for value in ["0x1", "0x1000000000000000000000000000000000"] {
        let request = json!([{"from": hex([1; 20]), "to": hex([2; 20]), "value": value}]);
        let (code, message, _) = server.fail("eth_estimateGas", request).await;
        assert_eq!(code, -32000);
        assert!(message.contains("insufficient funds"), "{message}");
    }
    let little = json!({"from": operator(), "to": hex(VAULTS), "data": call, "gas": "0x7530"});
    let (code, message, _) = server.fail("eth_estimateGas", json!([little])).await;
    assert_eq!(code, -32000, "{message}");
    assert!(message.contains("gas"), "{message}");
}

#[tokio::test]
async fn state_of_other_blocks() {
    let server = TestServer::start().await;
    server.node.mine(&[]);
    let head = server.call("eth_getBlockByNumber", json!(["latest", false])).await["hash"].clone();
    let genesis = server.call("eth_getBlockByNumber", json!(["0x0", false])).await["hash"].clone();
    let latest = server.call("eth_getBalance", json!([operator(), "latest"])).await;
    for same in [json!("0x1"), head.clone(), json!({"blockHash": head}), json!({"blockNumber": "0x1"}), json!("safe")] {
        assert_eq!(server.call("eth_getBalance", json!([operator(), same])).await, latest, "{same}");
    }
    for old in [json!("0x0"), json!("earliest"), json!({"blockHash": genesis, "requireCanonical": true})] {
        let (code, message, _) = server.fail("eth_getBalance", json!([operator(), old])).await;
        assert_eq!(code, 4444, "{message}");
    }
    for unknown in [json!("0x9"), json!({"blockHash": hex([7; 32])})] {
        let (code, message, _) = server.fail("eth_getBalance", json!([operator(), unknown])).await;
        assert_eq!((code, message.as_str()), (-32001, "header not found"));
    }
}

#[tokio::test]
async fn a_registration_for_an_owner_is_an_ordinary_transaction() {
    let server = TestServer::start().await;
    let owner = [5; 32];
    let terms = VaultTerms { owner: Address::from_secret(&owner).unwrap(), ..terms(&server.node) };
    let consent = EcdsaSignature::sign(&owner, &terms.consent_hash(&server.node.spec.network)).unwrap();
    let raw = server.node.sign(0, VAULTS, 0, calls::register_for(&terms, &consent));
    let hash = server.call("eth_sendRawTransaction", json!([hex(&raw)])).await;
    let receipt = server.call("eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["logs"][0]["topics"][1], hex(terms.vault()));
}
