//! `status`, `health`: what a node says about itself.

use eyre::{Result, WrapErr, eyre};
use jsonrpsee::http_client::{HttpClient, HttpClientBuilder};
use primitives::ChainId;
use rpc_api::chain::ChainApiClient;
use rpc_api::eth::EthApiClient;
use rpc_api::ledger::LedgerApiClient;
use rpc_api::replica::{ReplicaApiClient, ReplicaStatus};
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::{Global, output};

/// What the node answered.
struct Answers {
    chain_id: ChainId,
    head: Value,
    ledger: Value,
    replica: ReplicaStatus,
}

/// `strongroom status`.
pub(crate) fn status(global: &Global) -> Result<Exit, Failure> {
    let answers = ask(global)?;
    output::print(global, &document(&answers), || show(&answers));
    Ok(Exit::Done)
}

/// `strongroom health`: exit code 0 when all is well, 3 when not.
pub(crate) fn health(global: &Global) -> Result<Exit, Failure> {
    let answers = ask(global)?;
    let problems = problems(&answers);
    let document = json!({ "healthy": problems.is_empty(), "problems": problems, "degradedPacks": degraded(&answers) });
    output::print(global, &document, || {
        for problem in &problems {
            println!("{problem}");
        }
        if problems.is_empty() {
            println!("all is well");
        }
    });
    Ok(if problems.is_empty() { Exit::Done } else { Exit::Partial })
}

/// Volumes of the network that work, as far as the node knows; at most 255.
pub(crate) fn volumes(global: &Global) -> Result<u8, Failure> {
    let up = ask(global)?.replica.volumes.iter().filter(|volume| volume.state != "lost").count();
    Ok(u8::try_from(up).unwrap_or(u8::MAX))
}

fn ask(global: &Global) -> Result<Answers, Failure> {
    let client = HttpClientBuilder::default()
        .build(&global.node)
        .map_err(|error| Failure::Failed(eyre!("{} is no node's address: {error}", global.node)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers =
        runtime.block_on(ask_all(&client)).map_err(|error| {
            Failure::Unreachable(error.wrap_err(format!(
                "the node at {} does not answer; is it running (`strongroom run --dev`)?",
                global.node
            )))
        })?;
    match global.chain_id.map(ChainId::new) {
        Some(expected) if expected != answers.chain_id => {
            Err(client::ClientError::ForeignChain { expected, found: answers.chain_id }.into())
        }
        _ => Ok(answers),
    }
}

async fn ask_all(client: &HttpClient) -> Result<Answers> {
    let chain_id = ChainId::new(EthApiClient::chain_id(client).await.wrap_err("eth_chainId")?.get());
    let head = ChainApiClient::head(client).await.wrap_err("chain_getHead")?;
    let ledger = LedgerApiClient::status(client).await.wrap_err("ledger_status")?;
    let replica = ReplicaApiClient::status(client).await.wrap_err("replica_status")?;
    Ok(Answers { chain_id, head: numbers(json!(head)), ledger: numbers(json!(ledger)), replica })
}

/// QUANTITY texts as numbers, for people and scripts; hashes stay texts.
fn numbers(value: Value) -> Value {
    match value {
        Value::String(text) => {
            let digits = text.strip_prefix("0x").filter(|digits| digits.len() <= 16 && !digits.is_empty());
            match digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
                Some(number) => json!(number),
                None => Value::String(text),
            }
        }
        Value::Array(items) => items.into_iter().map(numbers).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(name, _)| name != "record")
                .map(|(name, value)| (name, numbers(value)))
                .collect(),
        ),
        other => other,
    }
}

fn degraded(answers: &Answers) -> Option<u64> {
    answers.ledger["totals"]["degradedPacks"].as_u64()
}

fn problems(answers: &Answers) -> Vec<String> {
    let mut problems: Vec<String> = answers
        .replica
        .volumes
        .iter()
        .filter(|volume| volume.state != "up")
        .map(|volume| {
            let remedy = match &volume.problem {
                Some(problem) => format!(", and what is there now cannot take its place: {problem}"),
                None if volume.state == "lost" => {
                    ": replace its disk (docs/operator/volumes.md) or take it out of storage.volumes".to_owned()
                }
                None => String::new(),
            };
            format!("volume {} ({}) is {}{remedy}", volume.volume.get(), volume.path, volume.state)
        })
        .collect();
    problems.extend(answers.ledger["refusing"].as_str().map(str::to_owned));
    match degraded(answers) {
        Some(0) => {}
        Some(1) => problems.push("1 pack has fewer holders than its policy places".to_owned()),
        Some(count) => problems.push(format!("{count} packs have fewer holders than their policy places")),
        None => problems.push("the ledger does not say how many packs are degraded".to_owned()),
    }
    if answers.replica.repairs.failed.get() > 0 {
        let packs = output::count(answers.replica.repairs.failed.get(), "pack", "packs");
        problems.push(format!("{packs} cannot be rebuilt now: too few shards are left, or no volume has room"));
    }
    let waiting = answers.replica.repairs.queued.get().saturating_add(answers.replica.repairs.running.get());
    if waiting > 0 && degraded(answers) == Some(0) {
        // Shards that share a volume die with it together.
        let waiting = output::count(waiting, "pack waits", "packs wait");
        problems
            .push(format!("{waiting} for lost shards to be rebuilt, or for shards to move to volumes of their own"));
    }
    problems
}

fn document(answers: &Answers) -> Value {
    json!({
        "chain": answers.head,
        "ledger": answers.ledger,
        "replica": numbers(json!(answers.replica)),
        "health": { "problems": problems(answers), "degradedPacks": degraded(answers) },
    })
}

/// A number of the node's answer, with its noun.
fn count(value: &Value, one: &str, many: &str) -> String {
    value.as_u64().map_or_else(|| format!("? {many}"), |value| output::count(value, one, many))
}

fn show(answers: &Answers) {
    let header = &answers.head["header"];
    let snapshots = count(&header["logSize"], "snapshot", "snapshots");
    println!("chain    height {}, {snapshots} in the log", header["height"]);
    let (ledger, totals) = (&answers.ledger, &answers.ledger["totals"]);
    println!(
        "ledger   {} in term {}, {} applied; {}, {}, {}, {}; waiting for the chain: {}",
        ledger["role"].as_str().unwrap_or("?"),
        ledger["term"],
        count(&ledger["applied"], "entry", "entries"),
        count(&totals["vaults"], "vault", "vaults"),
        count(&totals["snapshots"], "snapshot", "snapshots"),
        count(&totals["packs"], "pack", "packs"),
        output::bytes(totals["storedBytes"].as_u64().unwrap_or_default()),
        totals["outbox"],
    );
    for volume in &answers.replica.volumes {
        println!(
            "volume   {:>2} {:8} {:>15} {:>12} used {:>12} free  {}",
            volume.volume.get(),
            volume.state,
            output::count(volume.shards.get(), "shard ", "shards"),
            output::bytes(volume.used_bytes.get()),
            output::bytes(volume.free_bytes.get()),
            volume.path
        );
    }
    let repairs = &answers.replica.repairs;
    println!(
        "repairs  {} waiting, {} running, {} done, {} failed",
        repairs.queued.get(),
        repairs.running.get(),
        repairs.done.get(),
        repairs.failed.get()
    );
    for problem in problems(answers) {
        println!("problem  {problem}");
    }
}
