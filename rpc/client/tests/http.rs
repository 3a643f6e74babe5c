//! The node over HTTP, against a small server with the same wire types.
#![allow(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod fake;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use client::{
    BackupOptions, Client, ClientError, Node, NodeError, RestoreOptions, ShardPart, ShardPlace, VaultOptions,
};
use fake::{FakeNode, tree_of};
use parity_scale_codec::Decode;
use primitives::ledger::SignedCommand;
use primitives::{ChainId, NetworkId, PackId, ShardId};
use rpc_api::Record;
use rpc_api::ledger::{
    Consistency, LedgerAnswer, LedgerItems, LedgerList, LedgerPage, LedgerQuery, LedgerReply, Outcome, Page,
};
use serde_json::{Value, json};

/// Serves a node in memory over HTTP; every connection has a thread.
struct Server {
    node: FakeNode,
    /// Answers 503 so many times.
    busy: AtomicUsize,
}

fn serve(node: FakeNode) -> (Arc<Server>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = Arc::new(Server { node, busy: AtomicUsize::new(0) });
    let shared = Arc::clone(&server);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let server = Arc::clone(&shared);
            std::thread::spawn(move || server.connection(stream.unwrap()));
        }
    });
    (server, url)
}

struct Request {
    method: String,
    target: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let len = headers.get("content-length").map_or(0, |len| len.parse().unwrap());
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, target, headers, body })
}

impl Server {
    fn connection(&self, stream: TcpStream) {
        let mut writer = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some(request) = read_request(&mut reader) {
            let busy = self.busy.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            let (status, body) = if busy.is_ok() {
                (503, b"come again".to_vec())
            } else if let Some(shard) = request.target.strip_prefix("/shards/") {
                self.shard(shard, &request)
            } else {
                (200, self.rpc(&request.body))
            };
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
            if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(&body)).is_err() {
                return;
            }
        }
    }

    fn shard(&self, target: &str, request: &Request) -> (u16, Vec<u8>) {
        let (id, query) = target.split_once('?').unwrap_or((target, ""));
        let shard: ShardId = id.parse().unwrap();
        let refuse = |error: NodeError| match error {
            NodeError::NotFound { .. } => (404, b"no such shard".to_vec()),
            error => (507, error.to_string().into_bytes()),
        };
        if request.method == "PUT" {
            let query: HashMap<&str, &str> = query.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
            let pack: PackId = query["pack"].parse().unwrap();
            let (index, width) = (query["index"].parse().unwrap(), query["width"].parse().unwrap());
            let ack = self.node.put_shard(&ShardPlace { pack, index, width, shard }, &request.body);
            return ack.map_or_else(refuse, |ack| (200, serde_json::to_vec(&ack).unwrap()));
        }
        let range = request.headers["range"].strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        let (start, end): (u64, u64) = (range.0.parse().unwrap(), range.1.parse::<u64>().unwrap() + 1);
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        let got = self.node.get_shard(&ShardPart { shard, range: start..end, patience: None }, &mut bytes);
        got.map_or_else(refuse, |()| (206, bytes))
    }

    fn rpc(&self, body: &[u8]) -> Vec<u8> {
        let request: Value = serde_json::from_slice(body).unwrap();
        let params = &request["params"];
        let result = match request["method"].as_str().unwrap() {
            "chain_getGenesis" => json!({ "name": "fake", "network": fake::NETWORK, "chainId": "0x539", "new": {} }),
            "replica_status" => json!({ "volumes": [{}, {}, {}, {}, {}, {}] }),
            "ledger_status" => {
                json!({ "cluster": format!("0x{}", "09".repeat(32)), "role": "leader", "totals": rpc_api::ledger::LedgerTotals::default() })
            }
            "ledger_submit" => {
                let commands: Vec<rpc_api::Data> = serde_json::from_value(params[0].clone()).unwrap();
                let commands: Vec<SignedCommand> =
                    commands.iter().map(|data| SignedCommand::decode(&mut &data.0[..]).unwrap()).collect();
                let outcomes = self.node.submit(&commands).unwrap();
                serde_json::to_value(outcomes.into_iter().map(Outcome::from).collect::<Vec<_>>()).unwrap()
            }
            "ledger_get" => self.get(serde_json::from_value(params[0].clone()).unwrap()),
            "ledger_list" => self.list(
                serde_json::from_value(params[0].clone()).unwrap(),
                serde_json::from_value(params[1].clone()).unwrap(),
            ),
            "proof_getReceipt" => {
                let error = json!({ "code": 3051, "message": "unknown leaf" });
                return serde_json::to_vec(&json!({ "jsonrpc": "2.0", "id": request["id"], "error": error })).unwrap();
            }
            other => panic!("a client does not call {other}"),
        };
        serde_json::to_vec(&json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })).unwrap()
    }

    fn get(&self, query: LedgerQuery) -> Value {
        let node = &self.node;
        let answer = match query {
            LedgerQuery::Vault { vault } => LedgerAnswer::Vault(node.vault(&vault).unwrap().map(Record)),
            LedgerQuery::VaultsOf { owner } => {
                LedgerAnswer::VaultsOf(node.vaults_of(&owner).unwrap().into_iter().map(Record).collect())
            }
            LedgerQuery::Packs { packs } => {
                LedgerAnswer::Packs(node.packs(&packs).unwrap().into_iter().map(|pack| pack.map(Record)).collect())
            }
            LedgerQuery::Snapshot { vault, seq } => {
                let seq = seq.map(rpc_api::Quantity::get);
                LedgerAnswer::Snapshot(node.snapshot(&vault, seq).unwrap().map(Record))
            }
            LedgerQuery::Object { vault, key, .. } => {
                LedgerAnswer::Object(node.object(&vault, &key).unwrap().map(Record))
            }
            LedgerQuery::Pack { .. } => panic!("a client asks for several packs at once"),
        };
        let reply = LedgerReply { answer, consistency: Consistency::Linearizable, applied: 1.into() };
        serde_json::to_value(reply).unwrap()
    }

    fn list(&self, list: LedgerList, page: Page) -> Value {
        let cursor = page.cursor.as_ref().map(|cursor| cursor.0.as_slice());
        let (items, next) = match list {
            LedgerList::Packs { vault } => {
                let page = self.node.pack_page(&vault, cursor, 500).unwrap();
                (LedgerItems::Packs(page.items.into_iter().map(Record).collect()), page.next)
            }
            LedgerList::Snapshots { vault } => {
                let page = self.node.snapshot_page(&vault, cursor, 500).unwrap();
                (LedgerItems::Snapshots(page.items.into_iter().map(Record).collect()), page.next)
            }
            LedgerList::Objects { vault } => {
                let page = self.node.object_page(&vault, cursor, 500).unwrap();
                (LedgerItems::Objects(page.items.into_iter().map(Record).collect()), page.next)
            }
            other => panic!("a client does not list {other:?}"),
        };
        let (consistency, applied) = (Consistency::Linearizable, 1.into());
        let next_cursor = next.map(rpc_api::Data);
        serde_json::to_value(LedgerPage { items, next_cursor, consistency, applied }).unwrap()
    }
}

#[test]
fn a_backup_and_all_reads_work_over_http() {
    let (server, url) = serve(FakeNode::default());
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("file"), vec![7; 3_000_000]).unwrap();
    std::fs::write(source.join("small"), b"small").unwrap();
    server.busy.store(1, Ordering::Relaxed);
    assert!(matches!(Client::connect(&url), Err(ClientError::Node(NodeError::NotNow { .. }))));
    let client = Client::connect(&url).unwrap();
    assert_eq!((client.network().network, client.network().chain_id), (fake::NETWORK, ChainId::new(1337)));
    assert!(matches!(client.clone().expect_chain(ChainId::new(1)), Err(ClientError::ForeignChain { .. })));
    assert!(matches!(client.clone().expect_network(NetworkId::ZERO), Err(ClientError::ForeignNetwork { .. })));

    let owner = client.owner(seal::OwnerSecret::generate(&mut rand::rng()));
    owner.vault_create("v", VaultOptions::default()).unwrap();
    server.busy.store(2, Ordering::Relaxed);
    let report = owner.backup(BackupOptions::new("v", vec![source.clone()])).unwrap();
    assert_eq!(report.files, 2);
    owner.put("v", "name", "name.txt", None, &mut &b"object"[..], Arc::new(client::Quiet)).unwrap();
    assert_eq!(owner.list("v").unwrap().len(), 1);
    assert_eq!(owner.vault_list().unwrap()[0].name, "v");
    assert_eq!(owner.snapshots("v").unwrap()[0].commitment, report.commitment);
    let receipt = owner.receipt("v", client::SnapshotRef::Latest);
    assert!(matches!(receipt, Err(ClientError::NotFinal { seq: 1 })), "{receipt:?}");
    server.node.lose_volumes(&[1, 2]);
    let restored = owner.restore(RestoreOptions::new("v", directory.path().join("target"))).unwrap();
    assert!(restored.lost.is_empty() && restored.errors.is_empty(), "{restored:?}");
    assert_eq!(tree_of(&source), tree_of(&directory.path().join("target")));
}

#[test]
fn addresses_that_lead_nowhere_are_explained() {
    for url in ["https://127.0.0.1:1", "127.0.0.1:8545", "http://", "ftp://x"] {
        let error = Client::connect(url).unwrap_err().to_string();
        assert!(error.contains("http://host:port"), "{url}: {error}");
    }
    let error = Client::connect("http://127.0.0.1:1").unwrap_err();
    assert!(matches!(error, ClientError::Node(NodeError::Unreachable { .. })), "{error:?}");
}

#[test]
fn a_node_that_does_not_answer_in_time_is_slow() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let node = client::HttpNode::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    // The kernel takes the connection; nobody reads from it.
    let patience = Some(std::time::Duration::from_millis(20));
    let part = ShardPart { shard: ShardId::new([1; 32]), range: 0..64, patience };
    let error = node.get_shard(&part, &mut [0; 64]).unwrap_err();
    assert!(matches!(error, NodeError::Slow { waited_ms: 20, .. }), "{error}");
    assert!(error.is_temporary());
}
