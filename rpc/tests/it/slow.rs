//! Peers that are slow, or many: what they hold comes back.

use std::time::{Duration, Instant};

use primitives::ShardId;
use rpc::{PeerLimits, RpcConfig, RpcLimits, ShardLimits};
use serde_json::json;

use crate::node::Node;
use crate::wire::{Reply, TestServer, eventually};

/// A server whose patience is short.
async fn impatient(shards: ShardLimits) -> TestServer {
    let short = Duration::from_millis(150);
    let peers = PeerLimits { header: short, idle: short, ..PeerLimits::default() };
    TestServer::with(Node::new(), RpcConfig { peers, shards, ..RpcConfig::default() }).await
}

/// What comes on a connection that begins with these bytes and then says nothing.
async fn after(server: &TestServer, begin: &'static str) -> (Option<Reply>, usize) {
    let mut connection = server.connect();
    tokio::task::spawn_blocking(move || {
        connection.send(begin.as_bytes());
        let reply = begin.contains("\r\n\r\n").then(|| connection.read(false));
        (reply, connection.drain())
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let server = impatient(ShardLimits::default()).await;
    for begin in ["", "POST / HT", "POST / HTTP/1.1\r\nhost: localhost\r\n"] {
        let begun = Instant::now();
        after(&server, begin).await;
        assert!(begun.elapsed() >= Duration::from_millis(150), "{begin:?} had its time");
    }
    // Also between two requests.
    let (reply, rest) = after(&server, "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!((reply.unwrap().status, rest), (200, 0));
}

#[tokio::test]
async fn a_request_that_stops_coming_is_told_so() {
    let server = impatient(ShardLimits::default()).await;
    for length in ["content-length: 1000", "transfer-encoding: chunked"] {
        let mut connection = server.connect();
        let head = format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{length}\r\n\r\n");
        let reply = tokio::task::spawn_blocking(move || {
            connection.send(head.as_bytes());
            connection.send(b"3\r\n{\"j\r\n");
            connection.read(false)
        })
        .await
        .unwrap();
        assert_eq!(reply.status, 408, "{length}: {}", reply.text());
        assert!(reply.text().contains("stopped coming"), "{}", reply.text());
    }
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_although_it_never_stops() {
    let peers = PeerLimits { idle: Duration::from_millis(300), ..PeerLimits::default() };
    let server = TestServer::with(Node::new(), RpcConfig { peers, ..RpcConfig::default() }).await;
    let shard = ShardId::of(&[0; 64]);
    let mut connection = server.connect();
    let reply = tokio::task::spawn_blocking(move || {
        let query = format!("pack={}&index=1&width=6", "ab".repeat(32));
        let head =
            format!("PUT /shards/{shard}?{query} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1048576\r\n\r\n");
        connection.send(head.as_bytes());
        // A byte every now and then: never silent for as long as it may be, and far from 64 KiB in that time.
        let begun = Instant::now();
        connection.send(&[0]);
        while !connection.answers_within(Duration::from_millis(30)) {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is never given up");
            connection.send(&[0]);
        }
        connection.read(false)
    })
    .await
    .unwrap();
    assert_eq!(reply.status, 408, "{}", reply.text());
}

#[tokio::test]
async fn a_reader_that_stops_gives_its_memory_back() {
    let len = 32 * 1024 * 1024;
    // Room for one shard; the second waits for it, far longer than the first may stop.
    let shards = ShardLimits { get_bytes_max: len, wait: Duration::from_secs(60), ..ShardLimits::default() };
    let server = impatient(shards).await;
    let bytes = vec![7; len];
    let shard = ShardId::of(&bytes);
    let path = format!("/shards/{shard}");
    let query = format!("{path}?pack={}&index=1&width=6", "ab".repeat(32));
    assert_eq!(server.request("PUT", &query, &[], &bytes).await.status, 200);

    let mut stopped = server.connect();
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut stopped = tokio::task::spawn_blocking(move || {
        stopped.send(head.as_bytes());
        assert_eq!(stopped.take(15), b"HTTP/1.1 200 OK", "it is being sent");
        stopped
    })
    .await
    .unwrap();
    let second = server.request("GET", &path, &[], &[]).await;
    assert_eq!((second.status, second.body.len()), (200, len));
    let came = tokio::task::spawn_blocking(move || stopped.drain()).await.unwrap();
    assert!(came < len, "{came} bytes: it was not sent to its end");
}

#[tokio::test]
async fn a_slow_reader_makes_room_for_those_who_wait() {
    let len = 32 * 1024 * 1024;
    // Room for one shard; nobody is given up for being slow alone.
    let wait = Duration::from_millis(100);
    let shards = ShardLimits { get_bytes_max: len, get_pace: len, wait, ..ShardLimits::default() };
    let server = TestServer::with(Node::new(), RpcConfig { shards, ..RpcConfig::default() }).await;
    let bytes = vec![7; len];
    let path = format!("/shards/{}", ShardId::of(&bytes));
    let query = format!("{path}?pack={}&index=1&width=6", "ab".repeat(32));
    assert_eq!(server.request("PUT", &query, &[], &bytes).await.status, 200);

    let mut slow = server.connect();
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut slow = tokio::task::spawn_blocking(move || {
        slow.send(head.as_bytes());
        assert_eq!(slow.take(15), b"HTTP/1.1 200 OK", "it is being sent");
        slow
    })
    .await
    .unwrap();
    let second = eventually("there is room", async || {
        let reply = server.request("GET", &path, &[], &[]).await;
        assert!([200, 503].contains(&reply.status), "{}", reply.text());
        (reply.status == 200).then_some(reply)
    })
    .await;
    assert_eq!(second.body.len(), len);
    let came = tokio::task::spawn_blocking(move || slow.drain()).await.unwrap();
    assert!(came < len, "{came} bytes: it was not sent to its end");
}

#[tokio::test]
async fn more_connections_than_there_may_be_are_told_to_come_back() {
    let peers = PeerLimits { connections_max: 2, ..PeerLimits::default() };
    let server = TestServer::with(Node::new(), RpcConfig { peers, ..RpcConfig::default() }).await;
    let live = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    tokio::task::spawn_blocking(move || {
        let mut held = [server.connect(), server.connect()];
        for connection in &mut held {
            connection.send(live.as_bytes());
            assert_eq!(connection.read(false).status, 200);
        }
        let mut third = server.connect();
        let refused = third.read(false);
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
        assert_eq!(third.drain(), 0, "and closed");
        let [first, _second] = held;
        drop(first);
        // The server notices the end of a connection a moment after the client.
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let mut next = server.connect();
            next.send(live.as_bytes());
            if next.read(false).status == 200 {
                return;
            }
            assert!(Instant::now() < deadline, "the place does not come back");
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn walks_over_the_chain_leave_threads_to_others_also_when_their_callers_leave() {
    let limits = RpcLimits { scans_max: 2, scan_wait: Duration::from_millis(100), ..RpcLimits::default() };
    let server = TestServer::with(Node::new(), RpcConfig { limits, ..RpcConfig::default() }).await;
    let gate = server.node.gate.clone();
    gate.close();
    // Two walks are under way; then both callers leave.
    let calls = [
        json!({"method": "eth_getLogs", "params": [{}]}),
        json!({"method": "eth_feeHistory", "params": [1, "latest"]}),
    ];
    let mut callers = Vec::new();
    for (mut call, already) in calls.into_iter().zip(1..) {
        call["jsonrpc"] = "2.0".into();
        call["id"] = 1.into();
        let body = call.to_string();
        let mut caller = server.connect();
        let length = body.len();
        let head =
            format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}");
        caller.send(format!("{head}\r\n\r\n{body}").as_bytes());
        callers.push(caller);
        let deadline = Instant::now() + Duration::from_secs(20);
        while gate.waiting() < already {
            assert!(Instant::now() < deadline, "the walk does not begin");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    drop(callers);
    for (method, params) in [
        ("eth_getLogs", json!([{}])),
        ("eth_feeHistory", json!([1, "latest"])),
        ("snapshot_list", json!([])),
        ("audit_getChain", json!(["0x0", "0x0"])),
    ] {
        let (code, message, _) = server.fail(method, params).await;
        assert_eq!(code, -32005, "{method}: {message}");
        assert!(message.contains("2 ranges"), "{message}");
    }
    assert_eq!(gate.waiting(), 2, "no more than that");
    assert_eq!(server.call("eth_blockNumber", json!([])).await, "0x0");
    gate.open();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [{}]});
        if server.post(&request.to_string()).await.get("result").is_some() {
            break;
        }
        assert!(Instant::now() < deadline, "the turns do not come back");
    }
}
