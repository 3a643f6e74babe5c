//! HTTP/1.1 over one kept connection: as little as a client can do, so that the node gets the processor.

use std::io::{Read, Write};
use std::net::TcpStream;

use eyre::{Result, bail, eyre};
use serde_json::{Value, json};

/// Longest head of an answer, bytes.
const HEAD_MAX: usize = 16 << 10;

/// One connection; one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    host: String,
    answer: Vec<u8>,
}

impl Connection {
    /// `address` is `host:port`.
    pub(crate) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host: address.to_owned(), answer: Vec::with_capacity(64 << 10) })
    }

    /// Bytes of a JSON-RPC request with this body.
    pub(crate) fn post(&self, body: &str) -> Vec<u8> {
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        [head.as_bytes(), body.as_bytes()].concat()
    }

    /// Bytes of a request for a path.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host).into_bytes()
    }

    /// Sends a request and reads its answer's body; an answer other than success is an error.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request)?;
        self.answer.clear();
        let head = loop {
            if let Some(end) = self.answer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if self.answer.len() > HEAD_MAX {
                bail!("the head of an answer is longer than {HEAD_MAX} bytes");
            }
            self.more(HEAD_MAX)?;
        };
        let text = String::from_utf8_lossy(&self.answer[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.ok_or_else(|| eyre!("an answer without length: {text}"))?.trim().parse()?;
        let end = head + length;
        while self.answer.len() < end {
            self.more(end - self.answer.len())?;
        }
        let body = &self.answer[head..end];
        if !text.starts_with("http/1.1 20") {
            bail!("{}{}", text, String::from_utf8_lossy(body));
        }
        Ok(body)
    }

    /// One JSON-RPC call.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Result<Value> {
        let request = self.post(&rpc(1, method, params).to_string());
        let answer: Value = serde_json::from_slice(self.ask(&request)?)?;
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => bail!("{method}: {}", answer["error"]),
        }
    }

    fn more(&mut self, wanted: usize) -> Result<()> {
        let filled = self.answer.len();
        self.answer.resize(filled + wanted, 0);
        let read = self.stream.read(&mut self.answer[filled..])?;
        self.answer.truncate(filled + read);
        if read == 0 {
            bail!("the connection was closed");
        }
        Ok(())
    }
}

/// A JSON-RPC request.
pub(crate) fn rpc(id: usize, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}
