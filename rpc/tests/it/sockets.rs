//! How many connections are a WebSocket, and when one is over.

use std::time::Duration;

use rpc::{PeerLimits, RpcConfig};
use serde_json::json;

use crate::node::Node;
use crate::wire::{Connection, Reply, TestServer, UPGRADE, eventually};

async fn server(peers: PeerLimits) -> TestServer {
    TestServer::with(Node::new(), RpcConfig { peers, ..RpcConfig::default() }).await
}

/// Asks to go on as a WebSocket.
async fn open(server: &TestServer, upgrade: [(&'static str, &'static str); 4]) -> (Reply, Connection) {
    let mut connection = server.connect();
    tokio::task::spawn_blocking(move || (connection.request("GET", "/", &upgrade, &[]), connection)).await.unwrap()
}

async fn opened(server: &TestServer) -> Connection {
    let (reply, connection) = open(server, UPGRADE).await;
    assert_eq!(reply.status, 101, "{}", reply.text());
    connection
}

/// A WebSocket, as soon as there is a place.
async fn next(server: &TestServer) -> Connection {
    eventually("a place", async || {
        let (reply, connection) = open(server, UPGRADE).await;
        assert!([101, 503].contains(&reply.status), "{}", reply.text());
        (reply.status == 101).then_some(connection)
    })
    .await
}

#[tokio::test]
async fn more_web_sockets_than_there_may_be_are_told_to_come_back() {
    let server = server(PeerLimits { sockets_max: 2, ..PeerLimits::default() }).await;
    let (first, second) = (opened(&server).await, opened(&server).await);
    let (refused, mut connection) = open(&server, UPGRADE).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert!(refused.text().contains("2 WebSockets at a time (rpc.sockets_max)"), "{}", refused.text());
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}).to_string();
    let second = tokio::task::spawn_blocking(move || {
        let json = ("content-type", "application/json");
        let reply = connection.request("POST", "/", &[json], call.as_bytes());
        assert_eq!(reply.json()["result"], "0x0", "it goes on as it was");
        // An upgrade to something else is none of these.
        let other = [json, ("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c")];
        assert_eq!(connection.request("POST", "/", &other, call.as_bytes()).status, 200);
        second
    })
    .await
    .unwrap();
    drop(first);
    let _third = next(&server).await;
    assert_eq!(open(&server, UPGRADE).await.0.status, 503, "one place came back");
    drop(second);
    next(&server).await;
}

#[tokio::test]
async fn a_web_socket_that_is_not_opened_holds_no_place() {
    let server = server(PeerLimits { sockets_max: 1, ..PeerLimits::default() }).await;
    let mut old = UPGRADE;
    old[2].1 = "12";
    for _ in 0..3 {
        let status = open(&server, old).await.0.status;
        assert!(![101, 503].contains(&status), "{status}");
    }
    opened(&server).await;
}

#[tokio::test]
async fn there_may_be_none() {
    let server = server(PeerLimits { sockets_max: 0, ..PeerLimits::default() }).await;
    assert_eq!(open(&server, UPGRADE).await.0.status, 503);
    assert_eq!(server.call("eth_blockNumber", json!([])).await, "0x0");
}

#[tokio::test]
async fn a_web_socket_whose_other_end_is_gone_gives_its_place_back() {
    let header = Duration::from_millis(100);
    let server = server(PeerLimits { sockets_max: 2, header, ..PeerLimits::default() }).await;
    let (mut silent, mut lives) = (opened(&server).await, opened(&server).await);
    let silent = tokio::task::spawn_blocking(move || {
        silent.drain();
        silent
    });
    // Three times as many pings as it is allowed to miss.
    let _lives = tokio::task::spawn_blocking(move || {
        for _ in 0..30 {
            assert_eq!(lives.take(2), [0x89, 0], "a ping");
            lives.send(&[0x8a, 0x80, 0, 0, 0, 0]);
        }
        lives
    })
    .await
    .unwrap();
    // Still there, and closed by the node alone.
    let _silent = silent.await.unwrap();
    next(&server).await;
}
