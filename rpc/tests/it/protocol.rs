//! JSON-RPC itself: what is malformed, unknown, too much, or in a batch.

use rpc::{RpcConfig, RpcLimits};
use serde_json::{Value, json};

use crate::node::Node;
use crate::wire::{TestServer, UPGRADE};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn unknown_methods_are_refused_in_geths_words_alone_and_in_batches() {
    let server = TestServer::start().await;
    let words = |method: &str| format!("the method {method} does not exist/is not available");
    for method in ["eth_newFilter", "eth_fillTransaction", "foo", "", "admin_peers", "eth_getProof"] {
        assert_eq!(server.fail(method, json!([])).await, (-32601, words(method), Value::Null));
    }
    for method in ["eth_subscribe", "eth_unsubscribe"] {
        let expected = (-32601, "notifications not supported".to_owned(), Value::Null);
        assert_eq!(server.fail(method, json!(["newHeads"])).await, expected);
    }
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []},
        {"jsonrpc": "2.0", "id": 2, "method": "eth_newFilter", "params": [{}]},
        {"jsonrpc": "2.0", "id": 3, "method": "eth_getBalance", "params": ["12"]},
        {"jsonrpc": "2.0", "id": 4, "method": "eth_subscribe", "params": ["logs"]},
        {"jsonrpc": "2.0", "method": "eth_blockNumber", "params": []},
        {"foo": "bar"},
        5,
    ]);
    let answers = server.post(&batch.to_string()).await;
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 6, "a notification has no answer");
    assert_eq!(answers[0]["result"], "0x0");
    assert_eq!(answers[1]["error"], json!({"code": -32601, "message": words("eth_newFilter")}));
    assert_eq!(answers[1]["id"], 2);
    assert_eq!(answers[2]["error"]["message"], "invalid argument: hex string without 0x prefix");
    assert_eq!(answers[3]["error"]["message"], "notifications not supported");
    assert_eq!(answers[4]["error"]["code"], -32600);
    assert_eq!(answers[5]["error"]["code"], -32600);
}

#[tokio::test]
async fn malformed_requests() {
    let server = TestServer::start().await;
    for (body, code) in [
        ("{", -32700),
        ("[", -32700),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",", -32700),
        ("{\"jsonrpc\":\"2.0\",\"id\":1}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", -32600),
        ("[]", -32600),
        ("{}", -32600),
        ("{\"jsonrpc\":\"2.0\"}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"eth_chainId\"}", -32600),
        (" null ", -32600),
        ("1", -32600),
        ("\"x\"", -32600),
        ("{} {}", -32700),
        ("nul", -32700),
        ("", -32700),
    ] {
        let reply = server.request("POST", "/", &[JSON], body.as_bytes()).await;
        assert_eq!(reply.json()["error"]["code"], code, "{body}: {}", reply.text());
    }
    let reply = server.request("POST", "/", &[JSON], b"{}").await;
    let expected = json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": "invalid request"}});
    assert_eq!((reply.status, reply.json()), (200, expected));
    let reply = server.request("POST", "/", &[JSON], b"{\"id\":\"mine\"}").await;
    assert_eq!((&reply.json()["id"], &reply.json()["error"]["code"]), (&json!("mine"), &json!(-32600)));
    let reply = server.request("POST", "/", &[JSON], b"hello").await;
    assert_eq!((reply.status, reply.json()["error"]["code"].as_i64()), (400, Some(-32700)));
    let reply = server.request("POST", "/", &[JSON], &[0xff, 0xfe, b'{']).await;
    assert_eq!(reply.status, 400);
    let reply = server.request("POST", "/", &[("content-type", "text/plain")], b"{}").await;
    assert_eq!(reply.status, 415);
    let deep = "[".repeat(100_000);
    let reply = server.request("POST", "/", &[JSON], deep.as_bytes()).await;
    assert_eq!(reply.json()["error"]["code"], -32700);
    assert_eq!(server.call("eth_blockNumber", json!([])).await, "0x0", "still alive");
}

#[tokio::test]
async fn notifications_have_no_answer() {
    let server = TestServer::start().await;
    let notification = json!({"jsonrpc": "2.0", "method": "eth_chainId", "params": []});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "chain_getCertificate", "params": ["0x0"]});
    let mut connection = server.connect();
    tokio::task::spawn_blocking(move || {
        let mut ask = |body: Value| connection.request("POST", "/", &[JSON], body.to_string().as_bytes());
        for body in [notification.clone(), json!([notification]), json!([notification, notification])] {
            let reply = ask(body.clone());
            assert_eq!((reply.status, reply.header("content-length"), reply.text().as_str()), (200, Some("0"), ""));
        }
        // The connection goes on, and a result that is null is an answer.
        let answer = json!({"jsonrpc": "2.0", "id": 1, "result": null});
        assert_eq!(ask(call.clone()).json(), answer);
        assert_eq!(ask(json!([notification, call])).json(), json!([answer]));
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn bad_parameters_say_what_is_wrong() {
    let server = TestServer::start().await;
    let address = format!("0x{}", "11".repeat(20));
    for (method, params, words) in [
        ("eth_getBalance", json!([]), "missing value for required argument"),
        (
            "eth_getBalance",
            json!(["1111111111111111111111111111111111111111"]),
            "invalid argument: hex string without 0x prefix",
        ),
        ("eth_getBalance", json!(["0x11"]), "invalid argument: hex string has another length than 40 (an address)"),
        (
            "eth_getBalance",
            json!(["0xzz11111111111111111111111111111111111111"]),
            "invalid argument: invalid hex string",
        ),
        ("eth_getBalance", json!([address, "0x01"]), "invalid argument: hex number with leading zero digits"),
        ("eth_getBalance", json!([address, "0x"]), "invalid argument: hex string \"0x\""),
        ("eth_getBalance", json!([address, "newest"]), "invalid argument: hex string without 0x prefix"),
        ("eth_getBalance", json!([address, "0x10000000000000000"]), "invalid argument: hex number > 64 bits"),
        (
            "eth_getBlockByHash",
            json!(["0x12", false]),
            "invalid argument: hex string has another length than 64 (a hash)",
        ),
        (
            "eth_getBlockByNumber",
            json!([format!("0x{}", "00".repeat(32)), false]),
            "invalid argument: hex number > 64 bits",
        ),
        ("eth_sendRawTransaction", json!(["0x123"]), "invalid argument: hex string of odd length"),
        ("eth_sendRawTransaction", json!(["12"]), "invalid argument: hex string without 0x prefix"),
        ("web3_sha3", json!(["0xg0"]), "invalid argument: invalid hex string"),
        ("chain_getHeader", json!(["first"]), "invalid argument: hex string without 0x prefix"),
        ("ledger_submit", json!([["zz"]]), "invalid argument: hex string without 0x prefix"),
    ] {
        let (code, message, data) = server.fail(method, params.clone()).await;
        assert_eq!((code, message.as_str(), data), (-32602, words, Value::Null), "{method} {params}");
    }
    for (method, params) in [
        ("eth_getBalance", json!({"address": 5})),
        ("eth_getBalance", json!([5])),
        ("eth_getBlockByNumber", json!([1, false])),
        ("eth_getBlockByNumber", json!(["0x1", "yes"])),
        ("eth_getBlockByNumber", json!(["0x1", false, true, {}])),
        ("eth_getLogs", json!([[]])),
        ("eth_call", json!(["0x"])),
        ("ledger_get", json!([{"kind": "nothing"}])),
        ("ledger_list", json!([{"kind": "nodes"}, {"limits": "0x1"}])),
        ("snapshot_list", json!([{"limit": "0x0"}])),
    ] {
        let answer =
            server.post(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()).await;
        if params[3].is_null() {
            assert_eq!(answer["error"]["code"], -32602, "{method} {params}: {answer}");
        }
    }
}

#[tokio::test]
async fn requests_and_batches_have_limits() {
    let limits = RpcLimits { request_bytes_max: 2000, response_bytes_max: 4000, batch_max: 10, ..RpcLimits::default() };
    let server = TestServer::with(Node::new(), RpcConfig { limits, ..RpcConfig::default() }).await;
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []});
    let batch = |count| Value::Array(vec![call.clone(); count]).to_string();
    assert_eq!(server.post(&batch(10)).await.as_array().unwrap().len(), 10);
    let refused = server.post(&batch(11)).await;
    assert_eq!(refused["error"]["code"], -32010, "{refused}");

    let long = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{}\"}}", "x".repeat(3000));
    let reply = server.request("POST", "/", &[JSON], long.as_bytes()).await;
    assert_eq!(reply.status, 413);
    assert_eq!(reply.json()["error"]["code"], -32600);
    let chunked = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    let reply = server.request("POST", "/", &[JSON, ("transfer-encoding", "chunked")], chunked.as_bytes()).await;
    assert_eq!(reply.status, 413);

    let block = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["0x0", false]});
    assert_eq!(server.post(&block.to_string()).await["result"]["number"], "0x0");
    let refused = server.post(&Value::Array(vec![block; 4]).to_string()).await;
    assert_eq!(refused["error"]["message"], "response too large: ask for less at once", "{refused}");

    let small = RpcLimits { response_bytes_max: 500, ..RpcLimits::default() };
    let server = TestServer::with(Node::new(), RpcConfig { limits: small, ..RpcConfig::default() }).await;
    let (code, message, _) = server.fail("eth_getBlockByNumber", json!(["0x0", false])).await;
    assert_eq!((code, message.as_str()), (-32000, "response too large: ask for less at once"));
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let server = TestServer::start().await;
    let mut connection = server.connect();
    tokio::task::spawn_blocking(move || {
        for id in 0..100 {
            let body = json!({"jsonrpc": "2.0", "id": id, "method": "eth_blockNumber"}).to_string();
            let reply = connection.request("POST", "/", &[JSON], body.as_bytes());
            assert_eq!(reply.json(), json!({"jsonrpc": "2.0", "id": id, "result": "0x0"}));
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_web_socket_answers_calls() {
    let server = TestServer::start().await;
    let mut connection = server.connect();
    tokio::task::spawn_blocking(move || {
        assert_eq!(connection.request("GET", "/", &UPGRADE, &[]).status, 101);
        let mut ask = |body: Value| {
            let text = body.to_string();
            let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
            frame.extend(text.as_bytes());
            connection.send(&frame);
            let mut head = connection.take(2);
            while head == [0x89, 0] {
                // A ping, which may stay unanswered for minutes.
                head = connection.take(2);
            }
            assert_eq!(head[0], 0x81);
            let len = match head[1] {
                126 => usize::from(u16::from_be_bytes(connection.take(2).try_into().unwrap())),
                len => usize::from(len),
            };
            serde_json::from_slice::<Value>(&connection.take(len)).unwrap()
        };
        let answer = ask(json!({"jsonrpc": "2.0", "id": 7, "method": "eth_chainId"}));
        assert!(answer["result"].as_str().unwrap().starts_with("0x"), "{answer}");
        let answer = ask(json!({"jsonrpc": "2.0", "id": 8, "method": "eth_subscribe", "params": ["newHeads"]}));
        assert_eq!(answer["error"]["message"], "notifications not supported");
    })
    .await
    .unwrap();
}
