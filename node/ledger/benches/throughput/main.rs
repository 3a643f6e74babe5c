//! Acknowledged writes a second: 300-byte commands, fsynced log, RocksDB tables, one member, closed loop. Reads.
//!
//! `cargo bench -p ledger -p unify --bench throughput [-- SECONDS [PART OF A NAME]] [--json FILE]`

#[path = "../shared/arguments.rs"]
mod arguments;
mod load;
#[path = "../shared/world.rs"]
mod world;

use arguments::Arguments;
use load::Load;
use primitives::ledger::{Command, SignedCommand};
use world::{CLIENT_NODES, World, announce, by_node, by_owner, key, object, pack};

const ED25519: Load =
    Load { name: "one Ed25519 command a submission", clients: 0, batch: 1, rate_max: 60_000, make: announcement };
const SECP256K1: Load =
    Load { name: "one secp256k1 command a submission", clients: 0, batch: 1, rate_max: 60_000, make: version };
const BATCH: Load =
    Load { name: "batches under one secp256k1 signature", clients: 0, batch: 0, rate_max: 200_000, make: versions };
const PACKS: Load = Load { name: "packs with 6 acks, in batches", clients: 0, batch: 0, rate_max: 15_000, make: packs };

const LOADS: &[Load] = &[
    Load { clients: 1, rate_max: 10_000, ..ED25519 },
    Load { clients: 64, ..ED25519 },
    Load { clients: 256, ..ED25519 },
    Load { clients: 1024, ..ED25519 },
    Load { clients: 256, ..SECP256K1 },
    Load { clients: 1, batch: 64, rate_max: 40_000, ..BATCH },
    Load { clients: 16, batch: 64, ..BATCH },
    Load { clients: 256, batch: 16, ..BATCH },
    Load { clients: 256, batch: 64, ..BATCH },
    Load { clients: 16, batch: 64, ..PACKS },
];

/// Nobody else's number: each load has clients, objects and packs of its own.
fn number(load: Load, client: u64) -> u64 {
    (load.clients << 40) + (load.batch << 24) + client
}

fn announcement(load: Load, client: u64, serial: u64) -> SignedCommand {
    by_node(
        &key(u8::try_from(client % u64::from(CLIENT_NODES)).unwrap_or(0)),
        announce(serial),
        number(load, client),
        serial,
    )
}

fn version(load: Load, client: u64, serial: u64) -> SignedCommand {
    let number = number(load, client);
    by_owner(object(number, serial), number, serial)
}

fn versions(load: Load, client: u64, serial: u64) -> SignedCommand {
    let first = number(load, client * load.batch);
    let commands = (0..load.batch).map(|position| object(first + position, serial)).collect();
    by_owner(Command::Batch { commands }, number(load, client), serial)
}

fn packs(load: Load, client: u64, serial: u64) -> SignedCommand {
    let first = (client << 32) + serial * load.batch;
    let commands = (0..load.batch).map(|position| pack(first + position)).collect();
    by_owner(Command::Batch { commands }, (1 << 60) + client, serial)
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let seconds = arguments.words.first().map_or(4, |word| word.parse().expect("seconds, as a number"));
    let wanted = |name: &str| arguments.words.get(1).is_none_or(|part| name.contains(part.as_str()));
    let world = World::start().await;
    println!(
        "| one member, clients in its process     | clients | a second | CPU each | submitted |      p50 |      p99 |"
    );
    println!(
        "|----------------------------------------|--------:|---------:|---------:|---------:|---------:|---------:|"
    );
    let mut results = Vec::new();
    for load in LOADS.iter().filter(|load| wanted(load.name)) {
        results.push(load::write(&world.ledger, *load, seconds).await);
    }
    for clients in [1, 64, 256] {
        if wanted("linearizable reads") {
            results.push(load::read(&world.ledger, clients, seconds).await);
        }
    }
    world.end().await;
    arguments.keep(&results.into());
}
