//! `eth_getLogs` and `eth_feeHistory`.

use rpc::{RpcConfig, RpcLimits};
use runtime::{SNAPSHOTS, VAULTS, calls};
use serde_json::{Value, json};

use crate::eth::{assert_fields, commit_snapshots, commitment, hex, terms};
use crate::node::Node;
use crate::wire::TestServer;

#[tokio::test]
async fn events_are_found_by_address_topic_block_and_hash() {
    let server = TestServer::start().await;
    let (vault, hashes) = commit_snapshots(&server.node, 3);
    let all = server.call("eth_getLogs", json!([{"fromBlock": "0x0", "toBlock": "latest"}])).await;
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 4, "one registration, three commitments");
    assert_fields(
        &all[1],
        &[
            "address",
            "topics",
            "data",
            "blockHash",
            "blockNumber",
            "blockTimestamp",
            "transactionHash",
            "transactionIndex",
            "logIndex",
            "removed",
        ],
    );
    assert_eq!(all[1]["address"], hex(SNAPSHOTS));
    assert_eq!(all[1]["topics"][1], hex(vault));
    assert_eq!(all[1]["topics"][3], hex(hashes[0]));
    assert_eq!(all[1]["removed"], false);

    let find = async |filter: Value| server.call("eth_getLogs", json!([filter])).await.as_array().unwrap().len();
    assert_eq!(find(json!({"fromBlock": "earliest", "address": hex(VAULTS)})).await, 1);
    assert_eq!(find(json!({"fromBlock": "earliest", "address": [hex(VAULTS), hex(SNAPSHOTS)]})).await, 4);
    assert_eq!(
        find(json!({"fromBlock": "0x0", "topics": [null, hex(vault), null, [hex(hashes[0]), hex(hashes[2])]]})).await,
        2
    );
    assert_eq!(find(json!({"fromBlock": "0x0", "topics": [hex([1; 32])]})).await, 0);
    assert_eq!(find(json!({"fromBlock": "0x2", "toBlock": "0x3"})).await, 2);
    assert_eq!(find(json!({})).await, 1, "the last block by default");
    assert_eq!(find(json!({"blockHash": all[1]["blockHash"]})).await, 1);

    let receipt = server.call("eth_getTransactionReceipt", json!([all[1]["transactionHash"]])).await;
    assert_eq!(receipt["logs"][0], all[1]);

    for (filter, code, words) in [
        (json!({"fromBlock": "0x3", "toBlock": "0x2"}), -32602, "invalid block range params"),
        (json!({"fromBlock": "0x0", "toBlock": "0x99"}), -32602, "block range extends beyond current head block"),
        (json!({"blockHash": hex([7; 32])}), -32001, "unknown block"),
        (json!({"blockHash": hex([7; 32]), "fromBlock": "0x0"}), -32602, ""),
        (json!({"fromBlock": "0x0", "address": "0x12"}), -32602, ""),
    ] {
        let (found, message, _) = server.fail("eth_getLogs", json!([filter])).await;
        assert_eq!(found, code, "{message}");
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn logs_of_a_block_are_numbered_through() {
    let server = TestServer::start().await;
    let node = &server.node;
    let terms = terms(node);
    let first = commitment(terms.vault(), 1, Default::default());
    let second = commitment(terms.vault(), 2, first.hash());
    node.mine(&[
        node.sign(0, VAULTS, 0, calls::register(&terms)),
        node.sign(1, SNAPSHOTS, 0, calls::commit(&first)),
        node.sign(2, SNAPSHOTS, 0, calls::commit(&second)),
    ]);
    let logs = server.call("eth_getLogs", json!([{}])).await;
    let places: Vec<_> =
        logs.as_array().unwrap().iter().map(|log| (log["transactionIndex"].clone(), log["logIndex"].clone())).collect();
    assert_eq!(places, [(json!("0x0"), json!("0x0")), (json!("0x1"), json!("0x1")), (json!("0x2"), json!("0x2"))]);
    let receipts = server.call("eth_getBlockReceipts", json!(["latest"])).await;
    for (receipt, log) in receipts.as_array().unwrap().iter().zip(logs.as_array().unwrap()) {
        assert_eq!(&receipt["logs"][0], log);
        assert_eq!(&server.call("eth_getTransactionReceipt", json!([receipt["transactionHash"]])).await, receipt);
    }
}

#[tokio::test]
async fn log_queries_have_limits() {
    let limits = RpcLimits { log_blocks_max: 3, logs_max: 2, ..RpcLimits::default() };
    let server = TestServer::with(Node::new(), RpcConfig { limits, ..RpcConfig::default() }).await;
    commit_snapshots(&server.node, 4);
    let (code, message, _) = server.fail("eth_getLogs", json!([{"fromBlock": "0x0", "toBlock": "0x3"}])).await;
    assert_eq!((code, message.as_str()), (-32602, "query exceeds max block range 3"));
    let (code, message, _) = server.fail("eth_getLogs", json!([{"fromBlock": "0x1", "toBlock": "0x3"}])).await;
    assert_eq!((code, message.as_str()), (-32602, "query exceeds max results 2, retry with the range 1-2"));
    assert_eq!(
        server.call("eth_getLogs", json!([{"fromBlock": "0x1", "toBlock": "0x2"}])).await.as_array().unwrap().len(),
        2
    );
}

#[tokio::test]
async fn fee_history() {
    let server = TestServer::start().await;
    commit_snapshots(&server.node, 2);
    let base_fee = format!("{:#x}", server.node.spec.params.base_fee);
    let history = server.call("eth_feeHistory", json!(["0x2", "latest", [5.0, 20.0]])).await;
    assert_eq!(history["oldestBlock"], "0x2");
    assert_eq!(history["baseFeePerGas"], json!([base_fee, base_fee, base_fee]));
    assert_eq!(history["reward"], json!([["0x0", "0x0"], ["0x0", "0x0"]]));
    let ratios = history["gasUsedRatio"].as_array().unwrap();
    assert!(
        ratios.len() == 2 && ratios.iter().all(|ratio| (0.0..1.0).contains(&ratio.as_f64().unwrap())),
        "{ratios:?}"
    );
    let long = server.call("eth_feeHistory", json!([1024, "latest", []])).await;
    assert_eq!(long["oldestBlock"], "0x0");
    assert_eq!(long["gasUsedRatio"].as_array().unwrap().len(), 4);
    for (params, words) in [
        (json!(["0x1", "0x99", []]), "request beyond head block"),
        (json!(["0x1", "latest", [101.0]]), "invalid reward percentile: 101"),
        (json!(["0x1", "latest", [5.0, 1.0]]), "invalid reward percentile: 5 > 1"),
    ] {
        let (code, message, _) = server.fail("eth_feeHistory", params).await;
        assert_eq!((code, message.as_str()), (-32602, words));
    }
}
