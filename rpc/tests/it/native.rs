//! The native side: headers, certificates, snapshots, proofs, receipts.

use merkle::log::{leaf_hash, verify_consistency, verify_inclusion};
use parity_scale_codec::Encode as _;
use primitives::{Certificate, Commitment, Header, LogHash, ValidatorSet};
use rpc_api::Record;
use serde_json::{Value, json};
use verify::{Receipt, verify_certificate};

use crate::eth::commit_snapshots;
use crate::node::Node;
use crate::wire::TestServer;

fn record<T: rpc_api::RecordType>(value: &Value) -> T {
    serde_json::from_value::<Record<T>>(value.clone()).unwrap().into_inner()
}

#[tokio::test]
async fn a_head_verifies_under_the_set_of_genesis() {
    let server = TestServer::start().await;
    commit_snapshots(&server.node, 1);
    let head = server.call("chain_getHead", json!([])).await;
    let header: Header = record(&head["header"]);
    let certificate: Certificate = record(&head["certificate"]);
    let set: ValidatorSet = record(&server.call("chain_getValidatorSet", json!([])).await);
    verify_certificate(&server.node.spec.network, &header, &certificate, &set).unwrap();
    assert_eq!(head["hash"], format!("0x{}", header.hash()));
    assert_eq!(head["header"]["height"], "0x2");
    assert_eq!(head["header"]["logSize"], "0x1");
    assert_eq!(server.call("chain_getCertificate", json!(["latest"])).await, head["certificate"]);
    assert_eq!(server.call("chain_getCertificate", json!(["0x0"])).await, Value::Null);
    for same in [json!("0x2"), head["hash"].clone(), head["ethHash"].clone(), json!("finalized")] {
        assert_eq!(server.call("chain_getHeader", json!([same])).await, head, "{same}");
    }
    for unknown in [json!("0x3"), json!(format!("0x{}", "77".repeat(32)))] {
        assert_eq!(server.call("chain_getHeader", json!([unknown])).await, Value::Null);
        assert_eq!(server.call("chain_getCertificate", json!([unknown])).await, Value::Null);
        assert_eq!(server.call("chain_getValidatorSet", json!([unknown])).await, Value::Null);
    }
    let first = server.call("chain_getHeader", json!(["0x0"])).await;
    assert!(first.get("certificate").is_none());
}

#[tokio::test]
async fn genesis_is_enough_to_start_from() {
    let server = TestServer::start().await;
    let genesis = server.call("chain_getGenesis", json!([])).await;
    let spec = chain_spec::Spec::from_json(&genesis["spec"].to_string()).unwrap().check().unwrap();
    assert_eq!(spec, *server.node.spec);
    assert_eq!(genesis["network"], format!("0x{}", spec.network));
    let header: Header = record(&genesis["header"]);
    assert!(spec.is_genesis(&header));
    assert_eq!(record::<ValidatorSet>(&genesis["validators"]), spec.validators);
}

#[tokio::test]
async fn snapshots_are_found_by_hash_leaf_and_place() {
    let server = TestServer::start().await;
    let (vault, hashes) = commit_snapshots(&server.node, 5);
    let third = server.call("snapshot_get", json!([hashes[2]])).await;
    let commitment: Commitment = record(&third["commitment"]);
    assert_eq!((commitment.seq, commitment.hash()), (3, hashes[2]));
    assert_eq!((&third["leafIndex"], &third["height"]), (&json!("0x2"), &json!("0x4")));
    for id in [json!({"commitment": hashes[2]}), json!({"leafIndex": "0x2"}), json!({"vault": vault, "seq": "0x3"})] {
        assert_eq!(server.call("snapshot_get", json!([id])).await, third, "{id}");
    }
    for id in [
        json!(format!("0x{}", "77".repeat(32))),
        json!({"leafIndex": "0x5"}),
        json!({"vault": vault, "seq": "0x0"}),
        json!({"vault": vault, "seq": "0x6"}),
        json!({"vault": hashes[0], "seq": "0x1"}),
    ] {
        assert_eq!(server.call("snapshot_get", json!([id])).await, Value::Null, "{id}");
    }
    let head = server.call("snapshot_head", json!([vault])).await;
    assert_eq!((&head["seq"], &head["hash"]), (&json!("0x5"), &json!(hashes[4])));
    assert_eq!(head["snapshot"]["hash"], json!(hashes[4]));
    assert_eq!(server.call("snapshot_head", json!([hashes[0]])).await, Value::Null);
}

#[tokio::test]
async fn snapshots_are_listed_newest_first_in_pages() {
    let server = TestServer::start().await;
    let (vault, hashes) = commit_snapshots(&server.node, 5);
    let newest_first: Vec<Value> = hashes.iter().rev().map(|hash| json!(hash)).collect();
    for filter in [json!({"limit": "0x2"}), json!({"limit": "0x2", "vault": vault}), json!({"limit": "0x5"}), json!({})]
    {
        let (mut found, mut filter) = (vec![], filter);
        loop {
            let page = server.call("snapshot_list", json!([filter])).await;
            let items = page["items"].as_array().unwrap();
            assert!(!items.is_empty());
            found.extend(items.iter().map(|item| item["hash"].clone()));
            if page["nextCursor"].is_null() {
                break;
            }
            filter["cursor"] = page["nextCursor"].clone();
        }
        assert_eq!(found, newest_first);
    }
    let none = json!({"items": [], "nextCursor": null});
    assert_eq!(server.call("snapshot_list", json!([{"vault": hashes[0]}])).await, none);
    let empty = TestServer::start().await;
    assert_eq!(empty.call("snapshot_list", json!([])).await, none);
}

#[tokio::test]
async fn inclusion_proofs_verify_at_the_head_and_at_older_sizes() {
    let server = TestServer::start().await;
    let (vault, hashes) = commit_snapshots(&server.node, 5);
    for (index, hash) in (0u64..).zip(&hashes) {
        for size in [None, Some(5), Some(index + 1)] {
            let params = json!([hash, size.map(|size| format!("{size:#x}"))]);
            let proof = server.call("proof_getInclusion", params).await;
            let commitment: Commitment = record(&proof["commitment"]);
            assert_eq!(commitment.hash(), *hash);
            let header: Header = record(&proof["header"]);
            assert_eq!(header.log_size, size.unwrap_or(5));
            let path: Vec<LogHash> = serde_json::from_value(proof["path"].clone()).unwrap();
            verify_inclusion(&leaf_hash(&commitment.encode()), index, header.log_size, &path, &header.log_root)
                .unwrap();
            let certificate: Certificate = record(&proof["certificate"]);
            verify_certificate(&server.node.spec.network, &header, &certificate, &server.node.spec.validators).unwrap();
        }
    }
    let (code, message, _) = server.fail("proof_getInclusion", json!([{"vault": vault, "seq": "0x6"}])).await;
    assert_eq!((code, message.as_str()), (3051, "the chain has no such commitment (yet)"));
    assert_eq!(server.fail("proof_getInclusion", json!([hashes[0], "0x6"])).await.0, 3054);
    assert_eq!(server.fail("proof_getInclusion", json!([hashes[4], "0x3"])).await.0, -32602);
}

#[tokio::test]
async fn consistency_proofs_verify() {
    let server = TestServer::start().await;
    commit_snapshots(&server.node, 6);
    for (first, second) in [(1u64, 6u64), (3, 6), (4, 5), (6, 6)] {
        let proof = server.call("proof_getConsistency", json!([format!("{first:#x}"), format!("{second:#x}")])).await;
        let path: Vec<LogHash> = serde_json::from_value(proof["path"].clone()).unwrap();
        let root = |name: &str| serde_json::from_value::<LogHash>(proof[name].clone()).unwrap();
        verify_consistency(first, &root("firstRoot"), second, &root("secondRoot"), &path).unwrap();
    }
    assert_eq!(server.call("proof_getConsistency", json!(["0x2"])).await["second"], "0x6");
    assert_eq!(server.fail("proof_getConsistency", json!(["0x1", "0x7"])).await.0, 3052);
    assert_eq!(server.fail("proof_getConsistency", json!(["0x3", "0x2"])).await.0, 3053);
    assert_eq!(server.fail("proof_getConsistency", json!(["0x0", "0x2"])).await.0, -32602);
}

#[tokio::test]
async fn a_receipt_verifies_with_no_node_and_never_changes() {
    let server = TestServer::start().await;
    let (_, hashes) = commit_snapshots(&server.node, 3);
    let mut texts = vec![];
    for hash in &hashes {
        let receipt = server.call("proof_getReceipt", json!([hash])).await;
        let verified = Receipt::parse(receipt.to_string().as_bytes()).unwrap();
        let verified = verified.verify(Some(server.node.spec.network)).unwrap();
        assert_eq!(verified.commitment.hash(), *hash);
        texts.push(receipt);
    }
    server.node.mine(&[]);
    for (hash, text) in hashes.iter().zip(&texts) {
        assert_eq!(&server.call("proof_getReceipt", json!([{"commitment": hash}])).await, text);
    }
    assert_eq!(server.fail("proof_getReceipt", json!([{"leafIndex": "0x9"}])).await.0, 3051);
    let other = Node::new().spec.network;
    assert_eq!(other, server.node.spec.network, "the test network is one and the same");
}

#[tokio::test]
async fn auditors_get_the_chain_in_bulk() {
    let server = TestServer::start().await;
    commit_snapshots(&server.node, 4);
    let blocks = server.call("audit_getChain", json!(["0x0", "0x3ff"])).await;
    let blocks = blocks.as_array().unwrap();
    assert_eq!(blocks.len(), 6);
    for pair in blocks.windows(2) {
        let (parent, child): (Header, Header) = (record(&pair[0]["header"]), record(&pair[1]["header"]));
        assert_eq!(child.parent, parent.hash());
        let certificate: Certificate = record(&pair[1]["certificate"]);
        verify_certificate(&server.node.spec.network, &child, &certificate, &server.node.spec.validators).unwrap();
    }
    assert_eq!(server.call("audit_getChain", json!(["0x2", "0x3"])).await, json!(blocks[2..4]));
    assert_eq!(server.call("audit_getChain", json!(["0x9", "0x9"])).await, json!([]));
    assert_eq!(server.fail("audit_getChain", json!(["0x0", "0x400"])).await.0, 3250);
    assert_eq!(server.fail("audit_getChain", json!(["0x2", "0x1"])).await.0, -32602);
}

#[tokio::test]
async fn replica_status() {
    let server = TestServer::start().await;
    let status = server.call("replica_status", json!([])).await;
    assert_eq!(status["volumes"][0]["state"], "up");
    assert_eq!(status["volumes"][0]["usedBytes"], "0x1000");
    assert_eq!(status["repairs"], json!({"queued": "0x0", "running": "0x0", "done": "0x0", "failed": "0x0"}));
    assert_eq!(status["scrub"]["lastPassMs"], Value::Null);
}
