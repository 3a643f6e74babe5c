//! How fast this machine's disks take and give shards through a replica: `throughput DIR [PACKS]`.
//!
//! Makes six volumes below DIR, puts PACKS packs of 4+2 shards of 8 MiB with a few packs in flight, reads all of it whole and
//! then in ranges of 16 KiB, and prints MB/s. Remove DIR afterwards.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use futures::StreamExt;
use primitives::ledger::{PackRecord, VolumeInfo};
use primitives::{NetworkId, PackId, ShardAck, ShardId, VolumeId};
use replica::{Directory, DirectoryError, ReplicaConfig};
use store::{Store, StoreConfig};
use tokio_util::sync::CancellationToken;

/// A ledger without packs.
struct Empty;

#[async_trait]
impl Directory for Empty {
    async fn packs(&self, _: Option<PackId>, _: usize) -> Result<Vec<(PackId, PackRecord)>, DirectoryError> {
        Ok(Vec::new())
    }
    async fn pack(&self, _: &PackId) -> Result<Option<PackRecord>, DirectoryError> {
        Ok(None)
    }
    async fn degraded(&self) -> Result<u64, DirectoryError> {
        Ok(0)
    }
    async fn recorded(&self) -> Result<u64, DirectoryError> {
        Ok(0)
    }
    async fn needed(&self, _: &ShardId, _: Option<PackId>) -> Result<bool, DirectoryError> {
        Ok(true)
    }
    async fn held(&self, _: ShardAck) -> Result<(), DirectoryError> {
        Ok(())
    }
    async fn lost(&self, _: PackId, _: u8, _: VolumeId) -> Result<(), DirectoryError> {
        Ok(())
    }
    async fn announce(&self, _: Vec<VolumeInfo>) -> Result<(), DirectoryError> {
        Ok(())
    }
}

const SHARD: usize = 8 << 20;
const IN_FLIGHT: usize = 12;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let root = std::path::PathBuf::from(words.next().ok_or("give a directory")?);
    let packs: u64 = words.next().map_or(Ok(20), |word| word.parse())?;
    std::fs::create_dir_all(&root)?;
    let store = Store::open(&root.join("db"), StoreConfig::default())?;
    let config = ReplicaConfig {
        volumes: (0..6).map(|volume| root.join(format!("v{volume}"))).collect(),
        ..ReplicaConfig::default()
    };
    let (key, network) = (SigningKey::from_bytes(&[1; 32]), NetworkId::new([1; 32]));
    let replica = replica::start(config, network, key, store, Arc::new(Empty), CancellationToken::new()).await?;
    let shards: Vec<(ShardId, Bytes)> = (0..packs * 6)
        .map(|seed| {
            let mut bytes = vec![0; SHARD];
            blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
            (ShardId::of(&bytes), Bytes::from(bytes))
        })
        .collect();
    let total = shards.len() * SHARD;

    let began = Instant::now();
    let puts = shards.iter().enumerate().map(|(at, (shard, bytes))| {
        let pack = PackId::new(*ShardId::of(&(at / 6).to_le_bytes()).as_bytes());
        let index = u8::try_from(at % 6).unwrap_or(0);
        replica.put(pack, index, 6, *shard, bytes.clone())
    });
    let mut puts = futures::stream::iter(puts).buffer_unordered(IN_FLIGHT);
    while let Some(ack) = puts.next().await {
        ack?;
    }
    report("put", total, began);

    let began = Instant::now();
    let mut gets = futures::stream::iter(shards.iter().map(|(shard, _)| replica.get(shard, None))).buffer_unordered(4);
    while let Some(bytes) = gets.next().await {
        bytes?;
    }
    report("get whole", total, began);

    let began = Instant::now();
    let reads = 100_000u64;
    let range = |n: u64| {
        let at = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 500 * 16_384;
        at..at + 16_384
    };
    let gets = (0..reads).map(|n| replica.get(&shards[usize::try_from(n % 16).unwrap_or(0)].0, Some(range(n))));
    let mut gets = futures::stream::iter(gets).buffer_unordered(64);
    while let Some(bytes) = gets.next().await {
        bytes?;
    }
    println!("get 16 KiB warm: {:.0} reads/s", 100_000.0 / began.elapsed().as_secs_f64());
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "printed with few digits")]
fn report(what: &str, bytes: usize, began: Instant) {
    println!("{what}: {:.0} MB/s", bytes as f64 / 1e6 / began.elapsed().as_secs_f64());
}
