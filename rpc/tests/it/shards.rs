//! Shards in and out.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use primitives::{ShardAck, ShardId};
use rpc::{PeerLimits, RpcConfig, ShardLimits};
use tokio::sync::Notify;

use crate::node::Node;
use crate::node_replica::MemoryReplica;
use crate::wire::{Connection, Reply, TestServer, eventually};

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

fn path(shard: &ShardId) -> String {
    format!("/shards/{shard}?pack={}&index=1&width=6", "ab".repeat(32))
}

async fn put(server: &TestServer, bytes: &[u8]) -> Reply {
    server.request("PUT", &path(&ShardId::of(bytes)), &[], bytes).await
}

#[tokio::test]
async fn a_shard_goes_in_and_comes_out() {
    let server = TestServer::start().await;
    for len in [64, 4096, 100_032, 8 * 1024 * 1024, 32 * 1024 * 1024] {
        let bytes = bytes(len);
        let shard = ShardId::of(&bytes);
        let reply = put(&server, &bytes).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let ack: ShardAck = serde_json::from_slice(&reply.body).unwrap();
        ack.verify(&server.node.spec.network).unwrap();
        assert_eq!((ack.shard, ack.index, ack.pack.to_string()), (shard, 1, "ab".repeat(32)));

        let whole = server.request("GET", &format!("/shards/{shard}"), &[], &[]).await;
        assert_eq!(whole.status, 200);
        assert!(whole.body == bytes);
        assert_eq!(whole.header("accept-ranges"), Some("bytes"));
        assert_eq!(whole.header("content-type"), Some("application/octet-stream"));
        assert_eq!(whole.header("etag"), Some(format!("\"{shard}\"").as_str()));
        let head = server.request("HEAD", &format!("/shards/0x{shard}"), &[], &[]).await;
        assert_eq!((head.status, head.header("content-length")), (200, Some(len.to_string().as_str())));
    }
}

#[tokio::test]
async fn ranges() {
    let server = TestServer::start().await;
    let all = bytes(1024);
    put(&server, &all).await;
    let path = format!("/shards/{}", ShardId::of(&all));
    let get = async |range: &str| server.request("GET", &path, &[("range", range)], &[]).await;
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=0-9999", 0, 1024),
    ] {
        let reply = get(range).await;
        assert_eq!(reply.status, 206, "{range}");
        assert_eq!(reply.body, all[from..to], "{range}");
        assert_eq!(reply.header("content-range"), Some(format!("bytes {from}-{}/1024", to - 1).as_str()));
    }
    for range in ["bytes=0-1,5-6", "items=0-1", "bytes=9-1"] {
        let reply = get(range).await;
        assert_eq!((reply.status, reply.body.len()), (200, 1024), "{range} may be ignored");
    }
    let reply = get("bytes=1024-").await;
    assert_eq!((reply.status, reply.header("content-range")), (416, Some("bytes */1024")));
    assert_eq!(reply.text(), "the shard has 1024 bytes: ask for a range that begins below that\n");
    let head = server.request("HEAD", &path, &[("range", "bytes=0-9")], &[]).await;
    assert_eq!((head.status, head.header("content-length")), (206, Some("10")));
    let other = server.request("GET", &path, &[("range", "bytes=0-9"), ("if-range", "\"another\"")], &[]).await;
    assert_eq!((other.status, other.body.len()), (200, 1024));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let server = TestServer::start().await;
    let good = bytes(128);
    let shard = ShardId::of(&good);
    let absent = server.request("GET", &format!("/shards/{shard}"), &[], &[]).await;
    assert_eq!(absent.status, 404);
    assert!(absent.text().contains("rebuild it from other shards"), "{}", absent.text());
    assert_eq!(server.request("HEAD", &format!("/shards/{shard}"), &[], &[]).await.status, 404);

    let query = format!("pack={}&index=1&width=6", "ab".repeat(32));
    for (request, body, status, words) in [
        (format!("/shards/{shard}"), &good[..], 400, "?pack="),
        (format!("/shards/{shard}?pack=12&index=1&width=6"), &good, 400, "pack=\"12\""),
        (format!("/shards/xyz?{query}"), &good, 400, "64 hex digits"),
        (format!("/shards/{shard}?{query}"), &good[..100], 400, "multiple of 64"),
        (format!("/shards/{shard}?{query}"), &bytes(192), 422, "send them again"),
    ] {
        let reply = server.request("PUT", &request, &[], body).await;
        assert_eq!(reply.status, status, "{request}: {}", reply.text());
        assert!(reply.text().contains(words), "{}", reply.text());
    }
    let chunked = [("transfer-encoding", "chunked")];
    let reply = server.request("PUT", &path(&shard), &chunked, b"0\r\n\r\n").await;
    assert_eq!(reply.status, 411, "{}", reply.text());
    let large = [("content-length", "33554496")];
    let reply = server.request("PUT", &path(&shard), &large, &[]).await;
    assert_eq!(reply.status, 413);
    assert!(reply.text().contains("32 MiB"));
    assert_eq!(server.request("DELETE", &path(&shard), &[], &[]).await.header("allow"), Some("GET, HEAD, PUT"));

    put(&server, &good).await;
    server.node.replica.corrupt.lock().unwrap().push(shard);
    let corrupt = server.request("GET", &format!("/shards/{shard}"), &[], &[]).await;
    assert_eq!(corrupt.status, 410);
    assert!(corrupt.text().contains("read other shards"), "{}", corrupt.text());

    server.node.replica.full.store(true, Ordering::Relaxed);
    let full = put(&server, &bytes(64)).await;
    assert_eq!(full.status, 507);
    assert!(full.text().contains("no volume takes 64 bytes more"), "{}", full.text());
}

#[tokio::test]
async fn a_refused_sender_can_send_all_of_it_and_read_why() {
    let server = TestServer::start().await;
    let large = bytes(8 * 1024 * 1024);
    let path = format!("/shards/{}?pack=12", ShardId::of(&large));
    let mut connection = server.connect();
    tokio::task::spawn_blocking(move || {
        for _ in 0..2 {
            let reply = connection.request("PUT", &path, &[], &large);
            assert_eq!(reply.status, 400, "{}", reply.text());
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_silent_or_hasty_sender_is_given_up() {
    let peers = PeerLimits { idle: Duration::from_millis(200), ..PeerLimits::default() };
    let server = TestServer::with(Node::new(), RpcConfig { peers, ..RpcConfig::default() }).await;
    let shard = ShardId::of(&bytes(128));
    let head = format!("PUT {} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 128\r\n\r\n", path(&shard));
    let mut connection = server.connect();
    tokio::task::spawn_blocking(move || {
        connection.send(head.as_bytes());
        connection.send(&[0; 100]);
        let reply = connection.read(false);
        assert_eq!(reply.status, 408, "{}", reply.text());
    })
    .await
    .unwrap();
    assert!(server.node.replica.shards.lock().unwrap().is_empty());
    assert_eq!(put(&server, &bytes(128)).await.status, 200, "the memory came back");
}

#[tokio::test]
async fn more_than_there_is_memory_for_waits_and_then_is_told_to_come_back() {
    let mut node = Node::new();
    node.replica = Arc::new(MemoryReplica { gate: Some(Notify::new()), ..MemoryReplica::new() });
    let shards = ShardLimits { put_bytes_max: 64 * 1024, wait: Duration::from_millis(300), ..ShardLimits::default() };
    let server = Arc::new(TestServer::with(node, RpcConfig { shards, ..RpcConfig::default() }).await);
    let first = bytes(64 * 1024);
    let waiting = {
        let (server, first) = (Arc::clone(&server), first.clone());
        tokio::spawn(async move { put(&server, &first).await.status })
    };
    let received = || server.node.replica.received.load(Ordering::Relaxed);
    eventually("the first shard is in memory", async || (received() == 1).then_some(())).await;
    let begun = Instant::now();
    let refused = put(&server, &bytes(128)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert!(begun.elapsed() >= Duration::from_millis(300), "it waits first");
    let gate = server.node.replica.gate.as_ref().unwrap();
    gate.notify_one();
    assert_eq!(waiting.await.unwrap(), 200);
    gate.notify_one();
    assert_eq!(put(&server, &bytes(128)).await.status, 200);
}

/// A connection that announces 32 MiB, sends so many bytes of it, and no more.
async fn stalled(server: &TestServer, sends: usize) -> Connection {
    let mut connection = server.connect();
    let head = format!("PUT {} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {LARGEST}\r\n\r\n", path(&ShardId::ZERO));
    tokio::task::spawn_blocking(move || {
        connection.send(head.as_bytes());
        connection.send(&vec![0; sends]);
        connection
    })
    .await
    .unwrap()
}

const LARGEST: usize = 32 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_that_announce_and_send_little_hold_little() {
    let shards = ShardLimits { put_bytes_max: 2 * LARGEST, wait: Duration::from_secs(20), ..ShardLimits::default() };
    let server = TestServer::with(Node::new(), RpcConfig { shards, ..RpcConfig::default() }).await;
    let mut held = Vec::new();
    for number in 0..40 {
        held.push(stalled(&server, number % 2).await);
    }
    let begun = Instant::now();
    assert_eq!(put(&server, &bytes(LARGEST)).await.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(20), "nobody's patience had to end first");
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_that_stall_near_the_end_let_others_go_on() {
    // Three of these take all there is, and the last of them what is kept for the shard that is being finished.
    let shards = ShardLimits { put_bytes_max: 3 * LARGEST, wait: Duration::from_secs(5), ..ShardLimits::default() };
    let server = TestServer::with(Node::new(), RpcConfig { shards, ..RpcConfig::default() }).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(stalled(&server, LARGEST - 64).await);
    }
    let good = (0..3u8).map(async |first| {
        let mut bytes = bytes(LARGEST);
        bytes[0] = first;
        // As a client does: again while it is told to.
        eventually("the shard is taken", async || match put(&server, &bytes).await.status {
            200 => Some(()),
            503 => None,
            other => panic!("status {other}"),
        })
        .await;
    });
    futures::future::join_all(good).await;
    drop(held);
}

/// Prints speeds beside those of a bare socket; it cannot fail on a slow machine.
/// `cargo nextest run --release -p rpc -p unify speed --no-capture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speed_of_large_shards() {
    let server = TestServer::start().await;
    server.node.replica.trusting.store(true, Ordering::Relaxed);
    let shard_bytes = bytes(8 * 1024 * 1024);
    let shard = ShardId::of(&shard_bytes);
    let count = 64;
    let report = |name: &str, wall: f64, cpu: f64| {
        let gigabytes = f64::from(count) * 8.388_608e-3;
        println!("{name}: {:.2} GB/s wall, {:.2} GB per CPU second", gigabytes / wall, gigabytes / cpu);
    };
    let (wall, cpu) = timed(|| bare_socket(&shard_bytes, count));
    report("bare socket", wall, cpu);
    for (name, method, path) in [("put", "PUT", path(&shard)), ("get", "GET", format!("/shards/{shard}"))] {
        let body = if method == "PUT" { shard_bytes.clone() } else { vec![] };
        let mut connection = server.connect();
        let (wall, cpu) = tokio::task::spawn_blocking(move || {
            timed(|| {
                for _ in 0..count {
                    assert_eq!(connection.request(method, &path, &[], &body).status, 200);
                }
            })
        })
        .await
        .unwrap();
        report(name, wall, cpu);
    }
}

/// Wall time and CPU time of the whole process, seconds.
fn timed(work: impl FnOnce()) -> (f64, f64) {
    let cpu = || {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    };
    let (begun, before) = (Instant::now(), cpu());
    work();
    (begun.elapsed().as_secs_f64(), cpu() - before)
}

/// What the loopback itself costs: one thread writes, one reads into the same memory again and again.
fn bare_socket(bytes: &[u8], count: i32) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut stream = std::net::TcpStream::connect(addr).unwrap();
            (0..count).for_each(|_| stream.write_all(bytes).unwrap());
        });
        let mut stream = listener.accept().unwrap().0;
        let mut buffer = vec![0; bytes.len()];
        (0..count).for_each(|_| stream.read_exact(&mut buffer).unwrap());
    });
}
