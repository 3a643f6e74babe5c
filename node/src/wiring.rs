//! The one place where everything is connected; reads top to bottom.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chain_spec::{ChainSpec, ClusterSpec};
use consensus::{Consensus, ConsensusConfig};
use ed25519_dalek::SigningKey;
use eyre::{Result, WrapErr, eyre};
use ledger::{Ledger, LedgerConfig, LedgerGenesis, NoPeers};
use replica::{Replica, ReplicaConfig};
use rpc::{PeerLimits, RpcConfig, RpcLimits, Server, ShardLimits};
use store::{DataDir, Store, StoreConfig};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::backend::NodeBackend;
use crate::config::Config;
use crate::directory::LedgerDirectory;
use crate::keys::NodeKeys;
use crate::member::{Role, Speaker};
use crate::relay::Relay;
use crate::{network, telemetry};

/// How long the parts have to end after they were told to.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How this start differs from others.
pub(crate) struct Options {
    /// Make a network of this machine alone when there is none.
    pub(crate) dev: bool,
    /// Where to write the RPC address once everything is up.
    pub(crate) ready_file: Option<PathBuf>,
}

/// Runs all roles until a signal comes or one of them ends.
///
/// # Errors
/// Why the node could not start, or which part ended and why.
pub(crate) async fn run(config: Config, options: Options) -> Result<()> {
    // What this node is, and what it remembers.
    if !options.dev {
        network::expect(&config.data_dir.0)?;
    }
    let data_dir = DataDir::open(&config.data_dir.0)?;
    let keys = NodeKeys::load_or_create(&data_dir.keys())?;
    let spec = Arc::new(network::load(data_dir.path(), options.dev, &keys)?);
    info!(target: "node", network = %spec.network, name = %spec.name, data = %data_dir.path().display(), "starting");
    if config.metrics.enabled {
        telemetry::serve_metrics(config.metrics.addr)?;
    }
    let store = Store::open(&data_dir.db(), store_config(&config))?;

    // Its parts, until somebody says stop, or one of them cannot go on.
    let cancel = CancellationToken::new();
    let mut parts = Parts::start(&config, &data_dir, &keys, spec, &store, &cancel).await?;
    announce(&format!("http://{}", parts.server.local_addr()), options.ready_file.as_deref())?;
    let reason = parts.until_end().await?;

    info!(target: "node", reason = reason.as_ref().map_or_else(|| "told to".to_owned(), ToString::to_string), "stopping");
    cancel.cancel();
    if tokio::time::timeout(STOP_TIMEOUT, parts.stopped()).await.is_err() {
        tracing::warn!(target: "node", "some parts did not end in time");
    }
    store.sync()?;
    info!(target: "node", "stopped");
    reason.map_or(Ok(()), Err)
}

/// The running parts.
struct Parts {
    consensus: Consensus,
    ledger: Ledger,
    replica: Replica,
    relay: JoinHandle<()>,
    server: Server,
}

impl Parts {
    /// Starts each part on what is above it.
    async fn start(
        config: &Config,
        data_dir: &DataDir,
        keys: &NodeKeys,
        spec: Arc<ChainSpec>,
        store: &Store,
        cancel: &CancellationToken,
    ) -> Result<Self> {
        let cluster = own_cluster(&spec, keys)?;
        let consensus_config = ConsensusConfig {
            heartbeat: Duration::from_secs(config.chain.heartbeat_seconds),
            ..ConsensusConfig::new(data_dir.consensus_wal())
        };
        let validator = keys.validator.clone();
        let consensus =
            consensus::start(consensus_config, Arc::clone(&spec), store.clone(), validator, cancel.child_token())
                .await
                .wrap_err("cannot start the chain")?;

        let snapshots = data_dir.path().join("raft-snapshots");
        let ledger_config = LedgerConfig {
            free_bytes_min: u64::from(config.store.free_mib_min) << 20,
            ..LedgerConfig::new(data_dir.raft_log(), snapshots, keys.member_key())
        };
        let genesis = LedgerGenesis {
            network: spec.network,
            cluster: cluster.id,
            members: cluster.members.clone(),
            validators: spec.validators.clone(),
        };
        let ledger = ledger::start(ledger_config, genesis, store.clone(), Arc::new(NoPeers), cancel.child_token())
            .await
            .wrap_err("cannot start the ledger")?;

        let speaker = |role, key: &SigningKey| Speaker::new(ledger.clone(), spec.network, role, key.clone());
        let (as_storage, as_member) = (speaker(Role::Storage, &keys.storage)?, speaker(Role::Member, &keys.member)?);
        let directory = Arc::new(LedgerDirectory::new(as_storage, as_member, keys.storage_key()));
        let storage = keys.storage.clone();
        let replica = replica::start(
            replica_config(config),
            spec.network,
            storage,
            store.clone(),
            directory,
            cancel.child_token(),
        )
        .await
        .wrap_err("cannot start the storage of shards")?;

        let member = speaker(Role::Member, &keys.member)?;
        let relay =
            Relay::new(Arc::clone(&spec), consensus.clone(), member, keys.member.clone(), keys.operator.clone());
        let relay = tokio::spawn(relay.run(cancel.child_token()));

        let backend =
            NodeBackend::new(Arc::clone(&spec), consensus.clone(), ledger.clone(), replica.clone(), cluster.id, keys);
        let server = rpc::serve(rpc_config(config), Arc::new(backend), cancel.child_token())
            .await
            .wrap_err("cannot serve RPC")?;
        Ok(Self { consensus, ledger, replica, relay, server })
    }

    /// Waits for a signal (`None`) or for the first part that ends, which it should not.
    async fn until_end(&mut self) -> Result<Option<eyre::Report>> {
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(tokio::select! {
            _ = tokio::signal::ctrl_c() => None,
            _ = terminate.recv() => None,
            outcome = self.consensus.stopped() => Some(ended("the chain", outcome)),
            outcome = self.ledger.stopped() => Some(ended("the ledger", outcome)),
            outcome = self.replica.stopped() => Some(ended("the storage of shards", outcome)),
            () = self.server.clone().stopped() => Some(eyre!("the RPC server ended")),
            outcome = &mut self.relay => Some(eyre!("the relay ended: {outcome:?}")),
        })
    }

    /// Waits until all have ended. A part that failed has told its reason before.
    async fn stopped(self) {
        self.server.stopped().await;
        let _ = self.replica.stopped().await;
        let _ = self.ledger.stopped().await;
        let _ = self.consensus.stopped().await;
    }
}

/// The root cluster that this node is a member of.
fn own_cluster<'a>(spec: &'a ChainSpec, keys: &NodeKeys) -> Result<&'a ClusterSpec> {
    let key = keys.member_key();
    let found = spec.clusters.iter().find(|cluster| cluster.members.contains(&key));
    found.ok_or_else(|| eyre!("this node's member key {key} is in none of the network's clusters"))
}

fn ended<E: std::fmt::Display>(part: &str, outcome: Result<(), E>) -> eyre::Report {
    match outcome {
        Ok(()) => eyre!("{part} ended"),
        Err(error) => eyre!("{part} failed: {error}"),
    }
}

fn replica_config(config: &Config) -> ReplicaConfig {
    let mib = u64::from(config.storage.repair_mib_per_second);
    let hours = u64::from(config.storage.orphan_hours);
    ReplicaConfig {
        volumes: config.volumes(),
        scrub_period: Duration::from_secs(u64::from(config.storage.scrub_days) * 86_400),
        check_interval: Duration::from_secs(config.storage.check_seconds),
        full_permille: config.storage.full_percent.saturating_mul(10),
        repair_full_permille: config.storage.repair_full_percent.saturating_mul(10),
        repair_memory_bytes: size(u64::from(config.storage.repair_memory_mib) << 20),
        orphan_grace: (hours > 0).then(|| Duration::from_secs(hours * 3600)),
        repair_bytes_per_second: if mib == 0 { u64::MAX } else { mib << 20 },
        ..ReplicaConfig::default()
    }
}

/// A size as this machine counts memory.
fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn rpc_config(config: &Config) -> RpcConfig {
    RpcConfig {
        addr: config.rpc.addr,
        cors: config.rpc.cors.clone(),
        hosts: config.rpc.hosts.clone(),
        limits: RpcLimits {
            request_bytes_max: config.rpc.request_mib_max << 20,
            response_bytes_max: config.rpc.response_mib_max << 20,
            request_memory_bytes: size(u64::from(config.rpc.request_memory_mib) << 20),
            response_memory_bytes: size(u64::from(config.rpc.response_memory_mib) << 20),
            batch_max: config.rpc.batch_max,
            log_blocks_max: config.rpc.log_blocks_max,
            logs_max: size(config.rpc.logs_max.into()),
            scans_max: size(config.rpc.scans_max.into()),
            scan_wait: Duration::from_secs(config.rpc.scan_wait_seconds),
            block_cache_bytes: size(u64::from(config.rpc.block_cache_mib) << 20),
        },
        shards: ShardLimits {
            put_bytes_max: size(u64::from(config.rpc.shard_put_mib) << 20),
            get_bytes_max: size(u64::from(config.rpc.shard_get_mib) << 20),
            get_pace: size(u64::from(config.rpc.shard_get_kib_per_second) << 10),
            wait: Duration::from_secs(config.rpc.shard_wait_seconds),
        },
        peers: PeerLimits {
            connections_max: config.rpc.connections_max,
            sockets_max: config.rpc.sockets_max,
            header: Duration::from_secs(config.rpc.header_seconds),
            idle: Duration::from_secs(config.rpc.idle_seconds),
            bytes_min: u64::from(config.rpc.idle_kib_min) << 10,
        },
    }
}

fn store_config(config: &Config) -> StoreConfig {
    StoreConfig {
        block_cache_bytes: config.store.block_cache_mib << 20,
        write_buffer_bytes: config.store.write_buffer_mib << 20,
    }
}

/// Tells people and programs that the node is ready.
fn announce(url: &str, ready_file: Option<&Path>) -> Result<()> {
    info!(target: "node", url, "ready");
    if let Some(path) = ready_file {
        let aside = path.with_extension("tmp");
        std::fs::write(&aside, format!("{url}\n")).wrap_err_with(|| format!("cannot write {}", aside.display()))?;
        std::fs::rename(&aside, path).wrap_err_with(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "wiring_test.rs"]
mod tests;
