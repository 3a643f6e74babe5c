//! Transfers of many wallets a second, until the last is final.

use std::time::{Duration, Instant};

use eyre::{Result, bail, eyre};
use primitives::Address;
use serde_json::{Value, json};

use crate::http::{Connection, rpc};
use crate::node::Node;
use crate::wallet::{Chain, next_nonce, secret};
use crate::{Options, report};

const ACCOUNTS: u64 = 64;
/// Connections; each sends for its share of the accounts.
const CONNECTIONS: u64 = 4;
/// Transactions of one JSON-RPC batch.
const BATCH: usize = 50;
/// Transactions a second for which the load is made. The run lasts until all of them are final.
const RATE: u64 = 3_000;
/// Wait before transactions are sent again for which the pool had no room.
const RETRY: Duration = Duration::from_millis(5);

pub(crate) fn run(options: &Options) -> Result<Value> {
    let node = Node::start(&options.binary)?;
    let mut connection = Connection::open(node.address())?;
    let chain = Chain::of(&mut connection)?;
    fund(&node, &mut connection, &chain)?;
    let each = (RATE * options.time.as_secs()).div_ceil(ACCOUNTS).max(1);
    let total = each * ACCOUNTS;
    let mut shares = Vec::new();
    for share in 0..CONNECTIONS {
        let mut transfers = Vec::new();
        for nonce in 0..each {
            for account in (share..ACCOUNTS).step_by(usize::try_from(CONNECTIONS)?) {
                transfers.push(chain.transfer(&secret(account), nonce, Address::new([0x77; 20]), 1)?);
            }
        }
        shares.push(transfers);
    }
    let (cpu, started) = (node.cpu(), Instant::now());
    std::thread::scope(|scope| {
        let senders: Vec<_> =
            shares.into_iter().map(|transfers| scope.spawn(|| send_all(node.address(), transfers))).collect();
        senders.into_iter().try_for_each(|sender| sender.join().map_err(|_| eyre!("a sender panicked"))?)
    })?;
    for account in 0..ACCOUNTS {
        let address = Address::from_secret(&secret(account))?;
        while next_nonce(&mut connection, &address)? < each {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let (took, cpu) = (started.elapsed(), node.cpu() - cpu);
    let blocks = connection.call("eth_blockNumber", &json!([]))?;
    let (rate, micros) = (report::rate(total, took), report::micros_each(cpu, total));
    report::table(
        &["wallet transactions, until final", "transactions", "per second", "node CPU each", "blocks in all"],
        &[vec![
            format!("{ACCOUNTS} accounts, {CONNECTIONS} connections, batches of {BATCH}"),
            total.to_string(),
            rate.to_string(),
            format!("{micros:.0} µs"),
            blocks.to_string(),
        ]],
    );
    Ok(json!({ "transactions": total, "perSecond": rate, "nodeCpuMicrosEach": micros }))
}

/// Gives each account enough for its fees.
fn fund(node: &Node, connection: &mut Connection, chain: &Chain) -> Result<()> {
    const SHARE: u128 = 1_000_000_000_000_000_000_000;
    let operator = node.operator()?;
    let first = next_nonce(connection, &Address::from_secret(&operator)?)?;
    let transfers = (first..)
        .zip(0..ACCOUNTS)
        .map(|(nonce, account)| chain.transfer(&operator, nonce, Address::from_secret(&secret(account))?, SHARE));
    send_all(node.address(), transfers.collect::<Result<_>>()?)?;
    while next_nonce(connection, &Address::from_secret(&operator)?)? < first + ACCOUNTS {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Sends transactions in order; those for which the pool has no room, again.
pub(crate) fn send_all(address: &str, transactions: Vec<String>) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let mut waiting = Vec::new();
    let mut rest = transactions.into_iter();
    loop {
        waiting.extend(rest.by_ref().take(BATCH.saturating_sub(waiting.len())));
        if waiting.is_empty() {
            return Ok(());
        }
        let batch = waiting.iter().enumerate().map(|(id, raw)| rpc(id, "eth_sendRawTransaction", &json!([raw])));
        let request = connection.post(&Value::from(batch.collect::<Vec<_>>()).to_string());
        let mut answers: Vec<Value> = serde_json::from_slice(connection.ask(&request)?)?;
        answers.sort_by_key(|answer| answer["id"].as_u64());
        let mut refused = answers.iter().map(|answer| answer.get("error"));
        let before = waiting.len();
        let mut failed = None;
        waiting.retain(|_| match refused.next().flatten() {
            None => false,
            // The pool is full (-32003), or has enough of this account or its later nonces: wait for a block.
            Some(error) if is_full(error) => true,
            Some(error) => {
                failed.get_or_insert_with(|| error.clone());
                false
            }
        });
        if let Some(error) = failed {
            bail!("the node refuses a transaction: {error}");
        }
        if waiting.len() == before {
            std::thread::sleep(RETRY);
        }
    }
}

fn is_full(error: &Value) -> bool {
    error["code"] == -32003 || error["message"].as_str().is_some_and(|text| text.contains("nonce too high"))
}
