//! SIGKILL under load, ten times: every command that was acknowledged is there afterwards.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::Duration;

use primitives::{ObjectKey, ledger::Command};
use store::{Store, StoreConfig};
use tokio_util::sync::CancellationToken;

use crate::config::LedgerConfig;
use crate::ledger::{Ledger, start};
use crate::reader::Consistency;
use crate::testkit::*;
use crate::transport::NoPeers;

/// Names the directory that the child of the test works in.
const CHILD: &str = "LEDGER_CRASH_TEST_DIR";
const CLIENTS: u8 = 16;

async fn open(dir: &Path, cancel: CancellationToken) -> (Ledger, Store) {
    let store = Store::open(&dir.join("db"), StoreConfig::default()).unwrap();
    let mut config = LedgerConfig::new(dir.join("log"), dir.join("snapshots"), member());
    config.snapshot_entries = 50;
    config.keep_entries = 10;
    config.log.chunk_records = 100;
    let ledger = start(config, genesis(), store.clone(), Arc::new(NoPeers), cancel).await.unwrap();
    (ledger, store)
}

fn object(client: u8, version: u64) -> Command {
    let key = ObjectKey::new([client; 32]);
    Command::ObjectCommit { vault: terms(1).vault(), key, version, sealed: vec![client; 100], packs: vec![] }
}

/// Each client goes on with its object's next version, and says so once it is acknowledged.
async fn child(dir: &Path) {
    let (ledger, _store) = open(dir, CancellationToken::new()).await;
    drop(ledger.submit(vec![sign(BY_OWNER, register(terms(1), &OWNER), 99, 1)]).await.unwrap());
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let ledger = ledger.clone();
        clients.spawn(async move {
            let reader = ledger.read(Consistency::Linearizable).await.unwrap();
            let head = reader.object(&terms(1).vault(), &ObjectKey::new([client; 32]), None).unwrap();
            let mut version = head.map_or(0, |record| record.version);
            loop {
                version += 1;
                let outcome = ledger.submit(vec![sign(BY_OWNER, object(client, version), client, version)]).await;
                outcome.unwrap().remove(0).unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {client} {version}").unwrap();
                out.flush().unwrap();
            }
        });
    }
    clients.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_missing_after_kill_nine() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return child(Path::new(&dir)).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = [0u64; CLIENTS as usize];
    for round in 0..10u64 {
        let mut process = Process::new(std::env::current_exe().unwrap())
            .args(["tests::crash::nothing_acknowledged_is_missing_after_kill_nine", "--exact", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        // Different moments: early in a run, and with snapshots and purges behind it.
        let count = usize::try_from(30 + round * 70).unwrap();
        let mut killed = false;
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            let Some(rest) = line.strip_prefix("acknowledged ") else { continue };
            let (client, version) = rest.split_once(' ').unwrap();
            acknowledged[client.parse::<usize>().unwrap()] = version.parse().unwrap();
            seen += 1;
            if seen >= count && !killed {
                process.kill().unwrap();
                killed = true;
            }
        }
        process.wait().unwrap();
        assert!(killed, "the child ended by itself after {seen} acknowledgements");
    }
    let cancel = CancellationToken::new();
    let (ledger, _store) = open(dir.path(), cancel.clone()).await;
    let reader = ledger.read(Consistency::Linearizable).await.unwrap();
    for (client, version) in (0..CLIENTS).zip(acknowledged) {
        let key = ObjectKey::new([client; 32]);
        let head = reader.object(&terms(1).vault(), &key, None).unwrap().map_or(0, |record| record.version);
        assert!(version > 0 && head >= version, "client {client}: acknowledged {version}, found {head}");
        for version in 1..=head {
            assert!(reader.object(&terms(1).vault(), &key, Some(version)).unwrap().is_some());
        }
    }
    assert!(ledger.status().unwrap().purged.is_some(), "snapshots and purges took part");
    cancel.cancel();
    tokio::time::timeout(Duration::from_secs(5), ledger.stopped()).await.unwrap().unwrap();
}
