//! A server, and a client that writes every byte itself.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpc::{RpcConfig, Server};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::node::Node;

/// Headers that ask for a WebSocket.
pub(crate) const UPGRADE: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// A server on a free port; stops when dropped.
pub(crate) struct TestServer {
    pub(crate) node: Node,
    pub(crate) addr: SocketAddr,
    _stop: tokio_util::sync::DropGuard,
}

/// Looks again and again until there is something to be seen.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::with(Node::new(), RpcConfig::default()).await
    }

    pub(crate) async fn with(node: Node, config: RpcConfig) -> Self {
        let cancel = CancellationToken::new();
        let config = RpcConfig { addr: "127.0.0.1:0".parse().unwrap(), ..config };
        let server: Server = rpc::serve(config, Arc::new(node.clone()), cancel.clone()).await.unwrap();
        Self { node, addr: server.local_addr(), _stop: cancel.drop_guard() }
    }

    /// A connection for several requests.
    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection { reader: BufReader::with_capacity(1 << 20, stream) }
    }

    /// One request on a connection of its own.
    pub(crate) async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut connection = self.connect();
        let (method, path, body) = (method.to_owned(), path.to_owned(), body.to_owned());
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        tokio::task::spawn_blocking(move || {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            connection.request(&method, &path, &headers, &body)
        })
        .await
        .unwrap()
    }

    /// The body of a JSON-RPC answer.
    pub(crate) async fn post(&self, body: &str) -> Value {
        let reply = self.request("POST", "/", &[("content-type", "application/json")], body.as_bytes()).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.text());
        reply.json()
    }

    /// `result` of a call that succeeds.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        let mut answer =
            self.post(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()).await;
        assert_eq!(answer["jsonrpc"], "2.0");
        assert_eq!(answer["id"], 1);
        assert!(answer.get("error").is_none(), "{method} {params}: {answer}");
        answer["result"].take()
    }

    /// Code, message and data of a call that fails.
    pub(crate) async fn fail(&self, method: &str, params: Value) -> (i64, String, Value) {
        let answer =
            self.post(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()).await;
        assert!(answer.get("result").is_none(), "{method} {params}: {answer}");
        let error = &answer["error"];
        (error["code"].as_i64().unwrap(), error["message"].as_str().unwrap().to_owned(), error["data"].clone())
    }
}

/// A connection that stays open.
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    /// Sends a request and reads the answer.
    pub(crate) fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        let has = |name: &str| headers.iter().any(|(found, _)| *found == name);
        if !has("host") {
            head.push_str("host: localhost\r\n");
        }
        if !has("content-length") && !has("transfer-encoding") && (!body.is_empty() || method == "POST") {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.send(head.as_bytes());
        self.send(body);
        self.read(method == "HEAD")
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // The server may have answered and closed already: its answer says why.
        let _ = self.reader.get_mut().write_all(bytes);
    }

    /// Whether an answer has begun to come, or the connection has ended, before so much time has passed.
    pub(crate) fn answers_within(&mut self, time: Duration) -> bool {
        let stream = self.reader.get_ref().try_clone().unwrap();
        let usual = stream.read_timeout().unwrap();
        stream.set_read_timeout(Some(time)).unwrap();
        let waited = self.reader.fill_buf().map(drop);
        stream.set_read_timeout(usual).unwrap();
        !waited.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Reads one answer.
    pub(crate) fn read(&mut self, head_only: bool) -> Reply {
        let status_line = self.line();
        let status = status_line.split(' ').nth(1).unwrap_or_else(|| panic!("{status_line:?}")).parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply { status, headers, body: Vec::new() };
        if head_only || status == 101 {
            return reply;
        }
        if reply.header("transfer-encoding") == Some("chunked") {
            loop {
                let len = usize::from_str_radix(&self.line(), 16).unwrap();
                let mut chunk = vec![0; len + 2];
                self.reader.read_exact(&mut chunk).unwrap();
                if len == 0 {
                    return reply;
                }
                reply.body.extend(&chunk[..len]);
            }
        }
        let len: usize = reply.header("content-length").unwrap_or("0").parse().unwrap();
        reply.body = vec![0; len];
        self.reader.read_exact(&mut reply.body).unwrap();
        reply
    }

    /// Reads exactly so many bytes.
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.reader.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads until the server has closed; how many bytes came.
    pub(crate) fn drain(&mut self) -> usize {
        let mut bytes = Vec::new();
        match self.reader.read_to_end(&mut bytes) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the server keeps the connection")
            }
            // Reset: closed too.
            _ => bytes.len(),
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}
