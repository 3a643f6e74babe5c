//! Long JSON-RPC requests and answers: what there is no memory for waits, and is told to come back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use primitives::Address;
use rpc::{PeerLimits, RpcConfig, RpcLimits, ShardLimits};
use serde_json::{Value, json};

use crate::node::Node;
use crate::wire::{Connection, Reply, TestServer, eventually};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A call that is no longer than a mebibyte of white space makes it.
fn long(method: &str) -> String {
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": []}).to_string();
    format!("{call}{}", " ".repeat((1 << 20) - call.len()))
}

fn head(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n")
}

async fn post(server: &TestServer, body: &str) -> Reply {
    server.request("POST", "/", &[JSON], body.as_bytes()).await
}

/// Returns what it is told.
fn assert_told_to_come_back(refused: &Reply) -> String {
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    let refused = refused.json();
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&Value::Null, &json!(-32005)), "{refused}");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("memory"), "{refused}");
    message.to_owned()
}

#[tokio::test]
async fn a_request_that_there_is_no_memory_for_waits_and_is_told_to_come_back() {
    let wait = Duration::from_millis(300);
    // One that takes more than there is comes alone.
    let limits = RpcLimits { request_memory_bytes: 1, ..RpcLimits::default() };
    let shards = ShardLimits { wait, ..ShardLimits::default() };
    let server = Arc::new(TestServer::with(Node::new(), RpcConfig { limits, shards, ..RpcConfig::default() }).await);
    let gate = server.node.gate.clone();
    gate.close();
    let logs = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [{}]});
    let first = {
        let (server, body) = (Arc::clone(&server), format!("{logs}{}", " ".repeat(1 << 20)));
        tokio::spawn(async move { post(&server, &body).await })
    };
    eventually("the first request is being answered", async || (gate.waiting() == 1).then_some(())).await;
    let begun = Instant::now();
    let refused = post(&server, &long("eth_chainId")).await;
    let waited = begun.elapsed();
    let short = server.call("eth_blockNumber", json!([])).await;
    gate.open();
    assert_told_to_come_back(&refused);
    assert!(waited >= wait, "it waits first");
    assert_eq!(short, "0x0", "short requests take no part");
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(post(&server, &long("eth_chainId")).await.json()["id"], 1, "the memory came back");
}

#[tokio::test]
async fn a_sender_that_stalls_makes_room_for_those_who_wait() {
    let limits = RpcLimits { request_memory_bytes: 1, ..RpcLimits::default() };
    let shards = ShardLimits { wait: Duration::from_millis(300), ..ShardLimits::default() };
    // For being slow alone it is given up later than for keeping others waiting.
    let peers = PeerLimits { idle: Duration::from_secs(5), ..PeerLimits::default() };
    let config = RpcConfig { limits, shards, peers, ..RpcConfig::default() };
    let server = TestServer::with(Node::new(), config).await;
    let mut stalled = server.connect();
    let stalled = tokio::task::spawn_blocking(move || {
        stalled.send(head(1 << 20).as_bytes());
        stalled.send(&vec![b' '; (1 << 20) - 1]);
        stalled.read(false)
    });
    let others = async {
        let body = long("eth_chainId");
        loop {
            let reply = post(&server, &body).await;
            assert!([200, 503].contains(&reply.status), "{}", reply.text());
        }
    };
    let refused = tokio::select! {
        refused = stalled => refused.unwrap(),
        () = others => unreachable!("they go on"),
    };
    assert_told_to_come_back(&refused);
    assert_eq!(post(&server, &long("eth_chainId")).await.status, 200);
}

/// Asks for about 24 MiB, which is what a server has memory for that sends answers.
struct LongAnswer {
    server: TestServer,
    ask: String,
}

impl LongAnswer {
    async fn with(shards: ShardLimits) -> Self {
        let limits = RpcLimits { response_memory_bytes: 32 << 20, ..RpcLimits::default() };
        let server = TestServer::with(Node::new(), RpcConfig { limits, shards, ..RpcConfig::default() }).await;
        let raw = server.node.sign(0, Address::new([0xaa; 20]), 1, vec![7; 12 * 1024]);
        server.node.mine(&[raw]);
        let block = server.call("eth_getBlockByNumber", json!(["0x1", false])).await;
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionByHash",
                          "params": [block["transactions"][0]]});
        Self { server, ask: Value::Array(vec![call; 1000]).to_string() }
    }

    async fn ask(&self) -> Reply {
        post(&self.server, &self.ask).await
    }

    /// A reader that takes the beginning of its answer.
    async fn stopped(&self) -> Connection {
        let (mut reader, ask) = (self.server.connect(), self.ask.clone());
        tokio::task::spawn_blocking(move || {
            reader.send(format!("{}{ask}", head(ask.len())).as_bytes());
            assert!(reader.answers_within(Duration::from_secs(20)), "it is being sent");
            reader
        })
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn an_answer_that_there_is_no_memory_for_waits_and_is_told_to_come_back() {
    let wait = Duration::from_millis(300);
    // The reader has hours.
    let answers = LongAnswer::with(ShardLimits { wait, get_pace: 1, ..ShardLimits::default() }).await;
    let mut reader = answers.stopped().await;
    let begun = Instant::now();
    let told = assert_told_to_come_back(&answers.ask().await);
    assert!(told.contains("was carried out"), "{told}");
    assert!(begun.elapsed() >= wait, "it waits first");
    assert_eq!(answers.server.call("eth_blockNumber", json!([])).await, "0x1", "short answers take no part");
    let answer = tokio::task::spawn_blocking(move || reader.read(false)).await.unwrap();
    assert_eq!(answer.json().as_array().unwrap().len(), 1000, "the reader loses nothing");
    assert_eq!(answers.ask().await.status, 200, "the memory came back");
}

#[tokio::test]
async fn a_slow_reader_of_an_answer_makes_room_for_those_who_wait() {
    let wait = Duration::from_millis(100);
    let answers = LongAnswer::with(ShardLimits { wait, get_pace: 32 << 20, ..ShardLimits::default() }).await;
    let mut slow = answers.stopped().await;
    let second = eventually("there is room", async || {
        let reply = answers.ask().await;
        assert!([200, 503].contains(&reply.status), "{}", reply.text());
        (reply.status == 200).then_some(reply)
    })
    .await;
    let came = tokio::task::spawn_blocking(move || slow.drain()).await.unwrap();
    assert!(came < second.body.len(), "{came} bytes: it was not sent to its end");
}
