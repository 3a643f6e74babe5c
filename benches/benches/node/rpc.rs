//! JSON-RPC reads, beside anvil when there is one: batches of 50, and single blocks with all their transactions.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eyre::{Result, bail, ensure};
use primitives::Address;
use serde_json::{Value, json};

use crate::http::{Connection, rpc};
use crate::node::{Node, Process};
use crate::reads::Measured;
use crate::transactions::send_all;
use crate::wallet::{Chain, next_nonce, quantity};
use crate::{Options, reads, report};

const CONNECTIONS: usize = 8;
/// Calls of one batch.
const BATCH: usize = 50;
/// Transactions that are sent at once so that a block holds many.
const TRANSFERS: u64 = 150;

/// A server with a block to read.
struct Server {
    name: &'static str,
    address: String,
    /// Height of the block, and how many transactions it holds.
    block: u64,
    transactions: usize,
}

pub(crate) fn run(options: &Options) -> Result<Value> {
    let node = Node::start(&options.binary)?;
    let ours = fill_ours(&node)?;
    let theirs =
        Anvil::start()?.map(|anvil| anvil.fill(ours.transactions).map(|server| (anvil, server))).transpose()?;
    let servers: Vec<&Server> = std::iter::once(&ours).chain(theirs.as_ref().map(|(_, server)| server)).collect();
    // Turn by turn, so that both meet the same machine.
    let mut measured = Vec::new();
    for server in &servers {
        measured.push((server.name, batches(server, options.time)?, blocks(server, options.time)?));
    }
    let mut rows = Vec::new();
    for (name, batches, blocks) in &measured {
        let calls = report::rate(batches.requests * u64::try_from(BATCH)?, batches.took);
        let [batch_p99, block_p99] = [batches, blocks].map(|load| format!("{:.2?}", report::percent(&load.times, 99)));
        rows.push(vec![(*name).to_owned(), calls.to_string(), batch_p99, blocks.per_second().to_string(), block_p99]);
    }
    println!("{CONNECTIONS} connections; the block holds {} transactions", ours.transactions);
    report::table(&["JSON-RPC reads", "calls/s in batches of 50", "p99 of a batch", "full blocks/s", "p99"], &rows);
    let result = |(name, batches, blocks): &(&str, Measured, Measured)| json!({ "server": name, "batchesPerSecond": batches.per_second(), "blocksPerSecond": blocks.per_second() });
    Ok(Value::from(measured.iter().map(result).collect::<Vec<_>>()))
}

/// The same five questions, ten times.
fn batches(server: &Server, time: Duration) -> Result<Measured> {
    let connection = Connection::open(&server.address)?;
    let (block, account) = (format!("0x{:x}", server.block), "0x7777777777777777777777777777777777777777");
    let questions = [
        ("eth_blockNumber", json!([])),
        ("eth_chainId", json!([])),
        ("eth_getBalance", json!([account, "latest"])),
        ("eth_getTransactionCount", json!([account, "latest"])),
        ("eth_getBlockByNumber", json!([block, false])),
    ];
    let calls: Vec<Value> =
        (0..BATCH).zip(questions.iter().cycle()).map(|(id, (method, params))| rpc(id, method, params)).collect();
    let request = connection.post(&Value::from(calls).to_string());
    reads::run(&server.address, CONNECTIONS, time, &[request], |body| {
        let answers: Vec<Value> = serde_json::from_slice(body)?;
        ensure!(answers.len() == BATCH, "{} answers", answers.len());
        ensure!(answers.iter().all(|answer| !answer["result"].is_null()), "{answers:?}");
        Ok(())
    })
}

fn blocks(server: &Server, time: Duration) -> Result<Measured> {
    let connection = Connection::open(&server.address)?;
    let params = json!([format!("0x{:x}", server.block), true]);
    let request = connection.post(&rpc(1, "eth_getBlockByNumber", &params).to_string());
    reads::run(&server.address, CONNECTIONS, time, &[request], |body| {
        let answer: Value = serde_json::from_slice(body)?;
        ensure!(answer["result"]["transactions"][0].is_object(), "no whole transactions: {answer}");
        Ok(())
    })
}

/// Sends transfers at once and finds the block that holds most of them.
fn fill_ours(node: &Node) -> Result<Server> {
    let mut connection = Connection::open(node.address())?;
    let chain = Chain::of(&mut connection)?;
    let operator = node.operator()?;
    let address = Address::from_secret(&operator)?;
    let first = next_nonce(&mut connection, &address)?;
    let to = Address::new([0x77; 20]);
    let transfers = (first..first + TRANSFERS).map(|nonce| chain.transfer(&operator, nonce, to, 1));
    send_all(node.address(), transfers.collect::<Result<_>>()?)?;
    while next_nonce(&mut connection, &address)? < first + TRANSFERS {
        std::thread::sleep(Duration::from_millis(1));
    }
    let head = quantity(&connection.call("eth_blockNumber", &json!([]))?)?;
    let mut best = (0, 0);
    for block in 1..=head {
        best = best.max((transactions_of(&mut connection, block)?, block));
    }
    let (transactions, block) = best;
    Ok(Server { name: "strongroom", address: node.address().to_owned(), block, transactions })
}

fn transactions_of(connection: &mut Connection, block: u64) -> Result<usize> {
    let found = connection.call("eth_getBlockByNumber", &json!([format!("0x{block:x}"), false]))?;
    Ok(found["transactions"].as_array().map_or(0, Vec::len))
}

/// A running anvil.
struct Anvil {
    _process: Process,
    address: String,
}

impl Anvil {
    /// From `STRONGROOM_ANVIL` or the PATH; `None` when there is none.
    fn start() -> Result<Option<Self>> {
        let binary = std::env::var_os("STRONGROOM_ANVIL").map_or_else(|| PathBuf::from("anvil"), PathBuf::from);
        if Command::new(&binary).arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("there is no anvil (npm install -g @foundry-rs/anvil): only strongroom is measured");
            return Ok(None);
        }
        // Taken and let go, so that the port is free.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(&binary);
        command.args(["--no-mining", "--silent", "--port", &port.to_string()]);
        let process = Process::start(&mut command)?;
        let address = format!("127.0.0.1:{port}");
        let until = Instant::now() + Duration::from_secs(30);
        while Connection::open(&address).is_err() {
            if Instant::now() > until {
                bail!("anvil does not answer");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(Self { _process: process, address }))
    }

    /// One block of as many transfers.
    fn fill(&self, transactions: usize) -> Result<Server> {
        let mut connection = Connection::open(&self.address)?;
        let from = connection.call("eth_accounts", &json!([]))?[0].clone();
        for _ in 0..transactions {
            let transfer = json!([{ "from": from, "to": format!("0x{}", "77".repeat(20)), "value": "0x1" }]);
            connection.call("eth_sendTransaction", &transfer)?;
        }
        connection.call("evm_mine", &json!([]))?;
        let block = quantity(&connection.call("eth_blockNumber", &json!([]))?)?;
        let found = transactions_of(&mut connection, block)?;
        ensure!(found == transactions, "anvil's block {block} holds {found} of {transactions} transactions");
        Ok(Server { name: "anvil", address: self.address.clone(), block, transactions })
    }
}
