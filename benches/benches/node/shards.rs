//! Shards read from a node that has them in the page cache: many small ones, few large ones.

use client::{HttpNode, Node as _, ShardPart, ShardPlace};
use eyre::{Result, ensure};
use primitives::{PackHeader, Policy, ShardId};
use serde_json::{Value, json};

use crate::http::Connection;
use crate::node::Node;
use crate::{Options, reads, report};

struct Kind {
    name: &'static str,
    bytes: u32,
    packs: u64,
    connections: &'static [usize],
}

const KINDS: [Kind; 2] = [
    Kind { name: "small", bytes: 4 << 10, packs: 64, connections: &[1, 16, 64] },
    Kind { name: "large", bytes: 8 << 20, packs: 4, connections: &[1, 4] },
];

pub(crate) fn run(options: &Options) -> Result<Value> {
    let node = Node::start(&options.binary)?;
    let (mut rows, mut results) = (Vec::new(), Vec::new());
    for kind in &KINDS {
        let connection = Connection::open(node.address())?;
        let requests: Vec<_> =
            put(&node, kind)?.iter().map(|shard| connection.get(&format!("/shards/{shard}"))).collect();
        drop(connection);
        for connections in kind.connections {
            let cpu = node.cpu();
            let measured = reads::run(node.address(), *connections, options.time, &requests, |_| Ok(()))?;
            let micros = report::micros_each(node.cpu() - cpu, measured.requests);
            let mib = report::rate(measured.bytes >> 10, measured.took) >> 10;
            let [p50, p99] = [50, 99].map(|part| report::percent(&measured.times, part));
            rows.push(vec![
                format!("{} ({} KiB)", kind.name, kind.bytes >> 10),
                connections.to_string(),
                measured.per_second().to_string(),
                mib.to_string(),
                format!("{p50:.2?}"),
                format!("{p99:.2?}"),
                format!("{micros:.0} µs"),
            ]);
            results.push(json!({ "bytes": kind.bytes, "connections": connections, "perSecond": measured.per_second(),
                "mibPerSecond": mib, "nodeCpuMicrosEach": micros }));
        }
    }
    report::table(&["shard reads", "connections", "per second", "MiB/s", "p50", "p99", "node CPU each"], &rows);
    Ok(Value::from(results))
}

/// Stores 4+2 packs of incompressible shards; their ids.
fn put(node: &Node, kind: &Kind) -> Result<Vec<ShardId>> {
    let http = HttpNode::new(&node.url)?;
    let policy = Policy::ERASURE;
    let mut ids = Vec::new();
    for pack in 0..kind.packs {
        let shards: Vec<Vec<u8>> = (0..policy.width())
            .map(|index| benches::noise(pack * 100 + u64::from(index), usize::try_from(kind.bytes).unwrap_or(0)))
            .collect();
        let header = PackHeader {
            policy,
            shard_len: kind.bytes,
            shards: shards.iter().map(|shard| ShardId::of(shard)).collect(),
        };
        for ((index, shard), id) in (0..).zip(&shards).zip(&header.shards) {
            http.put_shard(&ShardPlace { pack: header.id(), index, width: policy.width(), shard: *id }, shard)?;
            let mut back = vec![0; shard.len()];
            http.get_shard(&ShardPart { shard: *id, range: 0..u64::from(kind.bytes), patience: None }, &mut back)?;
            ensure!(back == *shard, "shard {id} came back different");
        }
        ids.extend(header.shards);
    }
    Ok(ids)
}
