//! From submission to finality, one wallet, one transaction after another.

use std::time::{Duration, Instant};

use eyre::{Result, bail};
use primitives::Address;
use serde_json::{Value, json};

use crate::http::{Connection, rpc};
use crate::node::Node;
use crate::wallet::{Chain, next_nonce};
use crate::{Options, report};

/// Transactions before the clock starts.
const WARM: u64 = 50;
/// Pause between two questions for a receipt: asking without one would keep a core busy that the node needs. It is the
/// resolution of the times.
const PAUSE: Duration = Duration::from_micros(200);
/// Longest wait for one.
const PATIENCE: Duration = Duration::from_secs(30);

/// The clock of a transaction runs from before its first byte is sent until its receipt has arrived: two round trips over
/// loopback, the finality of a block, and up to one pause: the wallet asks for the receipt again and again.
pub(crate) fn run(options: &Options) -> Result<Value> {
    let node = Node::start(&options.binary)?;
    let mut connection = Connection::open(node.address())?;
    let chain = Chain::of(&mut connection)?;
    let operator = node.operator()?;
    let first = next_nonce(&mut connection, &Address::from_secret(&operator)?)?;
    let mut times = Vec::new();
    let mut started = Instant::now();
    for nonce in first.. {
        let raw = chain.transfer(&operator, nonce, Address::new([0x77; 20]), 1)?;
        let send = connection.post(&rpc(1, "eth_sendRawTransaction", &json!([raw])).to_string());
        let begun = Instant::now();
        let sent: Value = serde_json::from_slice(connection.ask(&send)?)?;
        let Some(hash) = sent.get("result") else { bail!("the node refuses: {sent}") };
        let ask = connection.post(&rpc(1, "eth_getTransactionReceipt", &json!([hash])).to_string());
        loop {
            let answer: Value = serde_json::from_slice(connection.ask(&ask)?)?;
            if answer["result"].is_object() {
                break;
            }
            if begun.elapsed() > PATIENCE {
                bail!("{hash} is not final after {PATIENCE:?}: {answer}");
            }
            std::thread::sleep(PAUSE);
        }
        if nonce < first + WARM {
            started = Instant::now();
            continue;
        }
        times.push(begun.elapsed());
        if started.elapsed() >= options.time {
            break;
        }
    }
    times.sort_unstable();
    let [p50, p99, most] = [50, 99, 100].map(|part| report::percent(&times, part));
    let count = times.len();
    let show = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    report::table(
        &["submission to finality", "transactions", "p50", "p99", "slowest"],
        &[vec!["one validator".to_owned(), count.to_string(), show(p50), show(p99), show(most)]],
    );
    Ok(
        json!({ "transactions": count, "p50Micros": micros(p50), "p99Micros": micros(p99), "slowestMicros": micros(most) }),
    )
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
