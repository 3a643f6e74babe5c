//! The ledger, by raw JSON and through the typed client.

use std::sync::atomic::Ordering;

use jsonrpsee::http_client::{HttpClient, HttpClientBuilder};
use parity_scale_codec::Encode as _;
use primitives::ledger::{
    Applied, Command, Holder, ObjectRecord, PackRecord, Refusal, SignedCommand, Signer, SnapshotRecord, VaultRecord,
    VaultTerms,
};
use primitives::{
    Address, EcdsaSignature, Hash32, NodeKey, ObjectKey, PackHeader, PackId, Policy, SessionId, ShardId, VaultId,
    VolumeId,
};
use rpc::{RpcConfig, RpcLimits};
use rpc_api::ledger::{Consistency, LedgerAnswer, LedgerApiClient as _, LedgerQuery, Outcome};
use rpc_api::{Data, LedgerReads as _};
use serde_json::{Value, json};

use crate::eth::commitment;
use crate::node::Node;
use crate::wire::TestServer;

fn client(server: &TestServer) -> HttpClient {
    HttpClientBuilder::default().build(format!("http://{}", server.addr)).unwrap()
}

fn command(serial: u64) -> SignedCommand {
    SignedCommand {
        command: Command::NodeAnnounce { volumes: vec![] },
        session: SessionId::new([1; 16]),
        serial,
        signer: Signer::Account(EcdsaSignature::new([2; 65])),
    }
}

fn vault() -> VaultRecord {
    VaultRecord {
        terms: VaultTerms {
            owner: Address::new([1; 20]),
            salt: Hash32::new([2; 32]),
            cluster: Hash32::new([3; 32]),
            policy: Policy::ERASURE,
            retention_ms: 1000,
            delegates: vec![Address::new([4; 20])],
        },
        sealed: vec![1, 2, 3],
        consent: EcdsaSignature::new([5; 65]),
        head_seq: 2,
        head: Default::default(),
        on_chain: None,
        packs: 3,
        stored_bytes: 300,
    }
}

fn pack(vault: VaultId, byte: u8) -> PackRecord {
    let shards = (0..6).map(|index| ShardId::new([byte.wrapping_add(index); 32])).collect();
    PackRecord {
        vault,
        header: PackHeader { policy: Policy::ERASURE, shard_len: 4096, shards },
        holders: vec![Holder { index: 0, node: NodeKey::new([7; 32]), volume: VolumeId(3) }],
        references: 1,
    }
}

/// A ledger with one vault, five packs, two snapshots, three objects.
fn fill(server: &TestServer) -> (VaultId, Vec<PackId>) {
    let ledger = &server.node.ledger;
    let id = vault().terms.vault();
    *ledger.vaults.lock().unwrap() = vec![vault()];
    let packs: Vec<_> = (0..5).map(|byte| pack(id, byte * 10)).collect();
    let ids = packs.iter().map(|pack| pack.header.id()).collect();
    *ledger.packs.lock().unwrap() = packs;
    let snapshot = |seq| SnapshotRecord {
        commitment: commitment(id, seq, Default::default()),
        packs: vec![],
        manifest_pack: PackId::new([8; 32]),
        finality: None,
    };
    *ledger.snapshots.lock().unwrap() = vec![snapshot(1), snapshot(2)];
    let object =
        |byte| (id, ObjectRecord { key: ObjectKey::new([byte; 32]), version: 1, sealed: vec![byte], packs: vec![] });
    *ledger.objects.lock().unwrap() = vec![object(1), object(2), object(3)];
    (id, ids)
}

#[tokio::test]
async fn commands_arrive_as_they_were_signed() {
    let server = TestServer::start().await;
    let hex = |command: &SignedCommand| format!("0x{}", hex::encode(command.encode()));
    let outcomes = server.call("ledger_submit", json!([[hex(&command(1)), hex(&command(0))]])).await;
    assert_eq!(outcomes[0]["applied"], json!({"kind": "done"}));
    assert_eq!(outcomes[1]["refused"], json!({"kind": "staleSerial", "oldest": 1, "found": 0}));
    assert!(outcomes[1]["message"].as_str().unwrap().starts_with("serial 0 is older"));
    let outcomes: Vec<Outcome> = serde_json::from_value(outcomes).unwrap();
    assert_eq!(outcomes[0].clone().into_result(), Ok(Applied::Done));
    assert_eq!(outcomes[1].clone().into_result(), Err(Refusal::StaleSerial { oldest: 1, found: 0 }));
    assert_eq!(*server.node.ledger.submitted.lock().unwrap(), [command(1), command(0)]);

    let mut longer = command(2).encode();
    longer.push(0);
    for bad in ["0x".to_owned(), "0x00".to_owned(), format!("0x{}", hex::encode(longer))] {
        let (code, message, _) = server.fail("ledger_submit", json!([[hex(&command(3)), bad]])).await;
        assert_eq!(code, 3001);
        assert!(message.starts_with("command 1: "), "{message}");
    }
    assert_eq!(server.node.ledger.submitted.lock().unwrap().len(), 2, "all of a request or nothing");
    assert_eq!(server.fail("ledger_submit", json!([[]])).await.0, -32602);
    assert_eq!(server.fail("ledger_submit", json!([vec!["0x00"; 1001]])).await.0, -32602);
}

#[tokio::test]
async fn readable_fields_stand_beside_exact_records() {
    let server = TestServer::start().await;
    let (id, packs) = fill(&server);
    let answer = server.call("ledger_get", json!([{"kind": "vault", "vault": id}])).await;
    let result = &answer["result"];
    assert_eq!(answer["kind"], "vault");
    assert_eq!(result["vault"], json!(id));
    assert_eq!(result["policy"], "4+2");
    assert_eq!(result["headSeq"], "0x2");
    assert_eq!(result["storedBytes"], "0x12c");
    assert_eq!(result["onChain"], Value::Null);
    assert_eq!(result["record"], format!("0x{}", hex::encode(vault().encode())));
    let answer = server.call("ledger_get", json!([{"kind": "pack", "pack": packs[0]}])).await;
    assert_eq!(answer["result"]["holders"], json!([{"index": "0x0", "node": NodeKey::new([7; 32]), "volume": "0x3"}]));
    assert_eq!(answer["result"]["degraded"], true);
    let answer = server.call("ledger_get", json!([{"kind": "vault", "vault": Hash32::ZERO}])).await;
    let nothing = json!({"kind": "vault", "result": null, "consistency": "linearizable", "applied": "0x11"});
    assert_eq!(answer, nothing);
    let key = ObjectKey::new([2; 32]);
    for (version, found) in [("0x1", true), ("0x2", false)] {
        let query = json!({"kind": "object", "vault": id, "key": key, "version": version});
        assert_eq!(server.call("ledger_get", json!([query])).await["result"].is_object(), found);
    }
}

#[tokio::test]
async fn the_typed_client_reads_what_the_node_holds() {
    let server = TestServer::start().await;
    let (id, packs) = fill(&server);
    let client = client(&server);
    assert_eq!(client.vault(id).await.unwrap(), Some(vault()));
    assert_eq!(client.vault(VaultId::ZERO).await.unwrap(), None);
    assert_eq!(client.vaults_of(Address::new([1; 20])).await.unwrap(), [vault()]);
    assert_eq!(client.pack(packs[1]).await.unwrap(), Some(pack(id, 10)));
    let found = client.packs(vec![packs[2], PackId::ZERO, packs[0]]).await.unwrap();
    assert_eq!(found, [Some(pack(id, 20)), None, Some(pack(id, 0))]);
    assert_eq!(client.snapshot(id, Some(1)).await.unwrap().unwrap().commitment.seq, 1);
    assert_eq!(client.snapshot(id, None).await.unwrap().unwrap().commitment.seq, 2);
    assert_eq!(client.snapshot(id, Some(3)).await.unwrap(), None);
    assert_eq!(client.object(id, ObjectKey::new([2; 32])).await.unwrap().unwrap().sealed, [2]);
    let outcomes = client.submit(vec![Data(command(5).encode())]).await.unwrap();
    assert_eq!(outcomes[0].clone().into_result(), Ok(Applied::Done));
    let status = client.status().await.unwrap();
    assert_eq!((status.role.as_str(), status.totals.packs.get()), ("leader", 2));
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let server = TestServer::start().await;
    let (id, packs) = fill(&server);
    let client = client(&server);
    for limit in [1, 2, 5, 100] {
        let (mut found, mut cursor) = (vec![], None);
        loop {
            let (page, next) = client.pack_page(id, cursor, limit).await.unwrap();
            found.extend(page.iter().map(|pack| pack.header.id()));
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, packs, "{limit}");
    }
    let (first, cursor) = client.object_page(id, None, 2).await.unwrap();
    let (second, end) = client.object_page(id, cursor, 2).await.unwrap();
    assert_eq!((first.len(), second.len(), end), (2, 1, None));
    let (first, cursor) = client.snapshot_page(id, None, 1).await.unwrap();
    let (second, _) = client.snapshot_page(id, cursor, 1).await.unwrap();
    assert_eq!((first[0].commitment.seq, second[0].commitment.seq), (1, 2));

    let outbox = server.call("ledger_list", json!([{"kind": "outbox"}, {"limit": "0x2"}])).await;
    assert_eq!(outbox["kind"], "outbox");
    assert_eq!(outbox["items"].as_array().unwrap().len(), 2);
    assert_eq!(outbox["nextCursor"], "0x0000000000000002");
    let nodes = server.call("ledger_list", json!([{"kind": "nodes"}])).await;
    assert_eq!((nodes["items"].as_array().unwrap().len(), &nodes["nextCursor"]), (2, &Value::Null));
    let first = server.call("ledger_list", json!([{"kind": "nodes"}, {"limit": "0x1"}])).await;
    assert_eq!(first["items"].as_array().unwrap().len(), 1);
    let rest = json!([{"kind": "nodes"}, {"limit": "0x1", "cursor": first["nextCursor"]}]);
    let rest = server.call("ledger_list", rest).await;
    assert_eq!((&rest["items"][0], &rest["nextCursor"]), (&nodes["items"][1], &Value::Null));
    for (list, page) in [
        (json!({"kind": "packs", "vault": id}), json!({"cursor": "0x12"})),
        (json!({"kind": "objects", "vault": id}), json!({"cursor": "0x0000000000000002"})),
        (json!({"kind": "packs", "vault": id}), json!({"limit": "0x0"})),
        (json!({"kind": "packs", "vault": id}), json!({"limit": "0x3e9"})),
    ] {
        assert_eq!(server.fail("ledger_list", json!([list, page])).await.0, -32602, "{page}");
    }
}

#[tokio::test]
async fn pages_end_before_the_answer_is_too_large_and_go_on_after_that() {
    let limits = RpcLimits { response_bytes_max: 64 * 1024, ..RpcLimits::default() };
    let server = TestServer::with(Node::new(), RpcConfig { limits, ..RpcConfig::default() }).await;
    let (id, _) = fill(&server);
    let client = client(&server);
    // Each record needs 250 packs, 8,000 bytes: ten of them are 160 kB on the wire.
    let needed: Vec<_> = (0..250).map(|byte| PackId::new([byte; 32])).collect();
    for snapshot in (1..=10).map(|seq| SnapshotRecord {
        commitment: commitment(id, seq, Default::default()),
        packs: needed.clone(),
        manifest_pack: PackId::new([8; 32]),
        finality: None,
    }) {
        let mut all = server.node.ledger.snapshots.lock().unwrap();
        all.retain(|record| record.commitment.seq != snapshot.commitment.seq);
        all.push(snapshot);
    }
    let objects = (1..=10).map(|byte| ObjectRecord {
        key: ObjectKey::new([byte; 32]),
        version: 1,
        sealed: vec![1],
        packs: needed.clone(),
    });
    *server.node.ledger.objects.lock().unwrap() = objects.map(|object| (id, object)).collect();
    // Packs of 128 shards, all held: what becomes longest on the wire.
    let wide = |byte: u8| PackRecord {
        vault: id,
        header: PackHeader {
            policy: Policy::ERASURE,
            shard_len: 4096,
            shards: (0..128).map(|index| ShardId::new([byte ^ index; 32])).collect(),
        },
        holders: (0..128)
            .map(|index| Holder { index, node: NodeKey::new([7; 32]), volume: VolumeId(u16::MAX) })
            .collect(),
        references: 1,
    };
    *server.node.ledger.packs.lock().unwrap() = (0..10).map(wide).collect();

    let (mut seqs, mut pages, mut cursor) = (vec![], 0, None);
    loop {
        let (page, next) = client.snapshot_page(id, cursor, 1000).await.unwrap();
        seqs.extend(page.iter().map(|snapshot| snapshot.commitment.seq));
        (pages, cursor) = (pages + 1, next);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((seqs, pages), ((1..=10).collect(), 10));
    let (mut keys, mut cursor) = (vec![], None);
    while keys.is_empty() || cursor.is_some() {
        let (page, next) = client.object_page(id, cursor, 1000).await.unwrap();
        keys.extend(page.iter().map(|object| object.key));
        cursor = next;
    }
    assert_eq!(keys, (1..=10).map(|byte| ObjectKey::new([byte; 32])).collect::<Vec<_>>());
    let (mut packs, mut cursor) = (vec![], None);
    while packs.is_empty() || cursor.is_some() {
        let (page, next) = client.pack_page(id, cursor, 1000).await.unwrap();
        packs.extend(page);
        cursor = next;
    }
    assert_eq!(packs, (0..10).map(wide).collect::<Vec<_>>());

    // The one list without pages says that it is too long.
    assert_eq!(client.vaults_of(Address::new([1; 20])).await.unwrap().len(), 1);
    *server.node.ledger.vaults.lock().unwrap() = vec![VaultRecord { sealed: vec![1; 10_000], ..vault() }; 5];
    let query = json!([{"kind": "vaultsOf", "owner": Address::new([1; 20])}]);
    let (code, message, _) = server.fail("ledger_get", query).await;
    assert_eq!((code, message.as_str()), (-32000, "response too large: ask for the records one by one"));
}

#[tokio::test]
async fn reads_are_linearizable_unless_told_otherwise() {
    let server = TestServer::start().await;
    let (id, _) = fill(&server);
    let client = client(&server);
    let barriers = || server.node.ledger.barriers.load(Ordering::Relaxed);
    client.vault(id).await.unwrap();
    assert_eq!(barriers(), 1);
    let reply = client.get(LedgerQuery::Vault { vault: id }, Some(Consistency::Stale)).await.unwrap();
    assert!(matches!(reply.answer, LedgerAnswer::Vault(Some(_))));
    assert_eq!((reply.consistency, reply.applied.get()), (Consistency::Stale, 16));
    let page = server.call("ledger_list", json!([{"kind": "nodes"}, {"consistency": "stale"}])).await;
    assert_eq!((&page["consistency"], &page["applied"]), (&json!("stale"), &json!("0x10")));
    assert_eq!(barriers(), 1);
    server.node.ledger.down.store(true, Ordering::Relaxed);
    let (code, message, _) = server.fail("ledger_get", json!([{"kind": "vault", "vault": id}])).await;
    assert_eq!((code, message.as_str()), (3002, "no quorum; try again"));
    server.call("ledger_get", json!([{"kind": "vault", "vault": id}, "stale"])).await;
}
