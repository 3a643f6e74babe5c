//! Hosts, origins, health, stopping.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rpc::{RpcConfig, RpcError};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::node::Node;
use crate::wire::{TestServer, UPGRADE};

const JSON: (&str, &str) = ("content-type", "application/json");
const CALL: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;

#[tokio::test]
async fn a_rebound_host_reaches_nothing() {
    let config = RpcConfig { hosts: vec!["node.example".to_owned()], ..RpcConfig::default() };
    let server = TestServer::with(Node::new(), config).await;
    for (host, status) in [("localhost:8545", 200), ("127.0.0.1", 200), ("node.example:1", 200), ("evil.example", 403)]
    {
        assert_eq!(server.request("POST", "/", &[JSON, ("host", host)], CALL).await.status, status, "{host}");
        assert_eq!(server.request("GET", "/livez", &[("host", host)], &[]).await.status, status, "{host}");
    }
    let reply = server.request("GET", &format!("/shards/{}", "00".repeat(32)), &[("host", "evil.example")], &[]).await;
    assert_eq!(reply.status, 403);
    assert!(reply.text().starts_with("invalid host specified"), "{}", reply.text());
}

#[tokio::test]
async fn pages_may_read_only_when_told() {
    let origin = ("origin", "https://wallet.example");
    let closed = TestServer::start().await;
    let reply = closed.request("POST", "/", &[JSON, origin], CALL).await;
    assert_eq!(reply.header("access-control-allow-origin"), None);
    let preflight = [origin, ("access-control-request-method", "PUT")];
    let reply = closed.request("OPTIONS", "/shards/00", &preflight, &[]).await;
    assert_eq!(reply.header("access-control-allow-origin"), None);

    let config = RpcConfig { cors: vec!["https://wallet.example".to_owned()], ..RpcConfig::default() };
    let open = TestServer::with(Node::new(), config).await;
    let reply = open.request("POST", "/", &[JSON, origin], CALL).await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://wallet.example"));
    let reply = open.request("OPTIONS", "/", &preflight, &[]).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some("https://wallet.example")));
    let reply = open.request("POST", "/", &[JSON, ("origin", "https://evil.example")], CALL).await;
    assert_eq!(reply.header("access-control-allow-origin"), None);

    let with = |origin| [&UPGRADE[..], &[("origin", origin)]].concat();
    assert_eq!(open.request("GET", "/", &with("https://wallet.example"), &[]).await.status, 101);
    assert_eq!(open.request("GET", "/", &with("https://evil.example"), &[]).await.status, 403);
    assert_eq!(closed.request("GET", "/", &with("https://wallet.example"), &[]).await.status, 403);

    let wrong = RpcConfig { cors: vec!["wallet.example".to_owned()], ..RpcConfig::default() };
    let error = rpc::serve(wrong, Arc::new(Node::new()), CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, RpcError::Origin { .. }), "{error}");
}

#[tokio::test]
async fn health() {
    let server = TestServer::start().await;
    let live = server.request("GET", "/livez", &[], &[]).await;
    assert_eq!((live.status, live.json()), (200, json!({"live": true})));
    let ready = server.request("GET", "/readyz", &[], &[]).await;
    assert_eq!((ready.status, ready.json()["ready"].as_bool()), (200, Some(true)));
    server.node.replica.ready.store(false, Ordering::Relaxed);
    let ready = server.request("GET", "/readyz", &[], &[]).await;
    assert_eq!(ready.status, 503);
    let expected = json!({"ready": false, "checks": [
        {"name": "replica", "ok": false, "reason": "volume 2 is missing: is its disk mounted?"}
    ]});
    assert_eq!(ready.json(), expected);
    assert_eq!(server.request("GET", "/livez", &[], &[]).await.status, 200, "not ready is not dead");
    assert_eq!(server.request("POST", "/readyz", &[], &[]).await.status, 405);
    assert_eq!(server.request("GET", "/", &[], &[]).await.status, 405);
    assert_eq!(server.request("GET", "/nothing", &[], &[]).await.status, 404);
}

#[tokio::test]
async fn a_cancelled_server_stops_and_frees_its_port() {
    let cancel = CancellationToken::new();
    let config = RpcConfig { addr: "127.0.0.1:0".parse().unwrap(), ..RpcConfig::default() };
    let server = rpc::serve(config.clone(), Arc::new(Node::new()), cancel.clone()).await.unwrap();
    let addr = server.local_addr();
    let taken =
        rpc::serve(RpcConfig { addr, ..config.clone() }, Arc::new(Node::new()), cancel.clone()).await.unwrap_err();
    assert!(taken.to_string().starts_with(&format!("cannot listen on {addr}")), "{taken}");
    cancel.cancel();
    tokio::time::timeout(Duration::from_secs(5), server.stopped()).await.unwrap();
    let again =
        rpc::serve(RpcConfig { addr, ..config }, Arc::new(Node::new()), CancellationToken::new()).await.unwrap();
    assert_eq!(again.local_addr(), addr);
}
