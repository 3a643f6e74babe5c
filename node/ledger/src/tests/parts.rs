//! A part of the ledger that ends or panics ends all of it, with the reason; and reads that wait are bounded.

use std::sync::Arc;

use primitives::MemberKey;
use store::{Store, StoreConfig};
use tokio_util::sync::CancellationToken;

use crate::config::{LedgerConfig, LedgerGenesis};
use crate::error::LedgerError;
use crate::ledger::{start, start_with};
use crate::parts::Parts;
use crate::reader::Consistency;
use crate::testkit::*;
use crate::tests::durable::Home;
use crate::transport::NoPeers;

async fn ends_with(end: impl FnOnce(&Parts), reason: &str) {
    let home = Home::new();
    let store = Store::open(&home.dir.path().join("db"), StoreConfig::default()).unwrap();
    let (parts, ended) = Parts::new();
    let ours = parts.clone();
    let (config, cancel) = (home.config.clone(), CancellationToken::new());
    let ledger = start_with(config, genesis(), store, Arc::new(NoPeers), (parts, ended), cancel.clone()).await.unwrap();
    end(&ours);
    let stopped = ledger.stopped().await.unwrap_err().to_string();
    assert_eq!(stopped, format!("the ledger has stopped: {reason}"));
    let refused = ledger.submit(vec![sign(BY_NODE, announce(1), 1, 1)]).await.unwrap_err();
    assert_eq!(refused.to_string(), stopped, "whoever writes hears why");
    let refused = ledger.read(Consistency::Linearizable).await.unwrap_err();
    assert_eq!(refused.to_string(), stopped, "whoever reads hears why");
    assert!(!cancel.is_cancelled());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_ends_or_panics_stops_the_ledger_with_the_reason() {
    ends_with(|parts| parts.task("waits", async {}), "the part that waits has ended").await;
    let panics = |parts: &Parts| parts.task("counts", async { panic!("no number {}", 7) });
    ends_with(panics, "the part that counts panicked: no number 7").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_that_ends_or_panics_stops_the_ledger_with_the_reason() {
    let ends = |parts: &Parts| parts.thread("t".to_owned(), "adds", || ()).unwrap();
    ends_with(ends, "the part that adds has ended").await;
    let panics = |parts: &Parts| parts.thread("t".to_owned(), "adds", || panic!("overflow")).unwrap();
    ends_with(panics, "the part that adds panicked: overflow").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_was_told_to_stop_names_no_part() {
    let home = Home::new();
    let running = home.start().await;
    running.cancel.cancel();
    running.ledger.stopped().await.unwrap();
    let refused = running.ledger.submit(vec![sign(BY_NODE, announce(1), 1, 1)]).await.unwrap_err();
    assert_eq!(refused.to_string(), "the ledger has stopped: the node is stopping");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_reads_than_may_wait_for_a_leader_are_told_to_come_again() {
    const PLACES: usize = 8;
    let home = Home::new();
    let store = Store::open(&home.dir.path().join("db"), StoreConfig::default()).unwrap();
    let mut config = LedgerConfig { waiting_reads: PLACES, ..home.config.clone() };
    config.submit_deadline = std::time::Duration::from_secs(2);
    // Nobody reaches the other two, so nobody leads.
    let others = (21..23).map(|byte| MemberKey::new(key(byte).verifying_key().to_bytes()));
    let genesis = LedgerGenesis { members: std::iter::once(member()).chain(others).collect(), ..genesis() };
    let cancel = CancellationToken::new();
    let ledger = start(config, genesis, store, Arc::new(NoPeers), cancel.clone()).await.unwrap();

    let reads = (0..100).map(|_| ledger.read(Consistency::Linearizable));
    let ends = futures::future::join_all(reads).await;
    let waited = ends.iter().filter(|end| matches!(end, Err(LedgerError::NoLeader))).count();
    let refused = ends.iter().filter(|end| matches!(end, Err(LedgerError::Busy))).count();
    assert_eq!((waited, refused), (PLACES, 100 - PLACES));
    assert_eq!(LedgerError::Busy.to_string(), "the ledger is busy; try again");
    // The places come back with the answers.
    let again = ledger.read(Consistency::Linearizable).await;
    assert!(matches!(again, Err(LedgerError::NoLeader)), "{again:?}");
    assert!(ledger.read(Consistency::Stale).await.is_ok());
    cancel.cancel();
    ledger.stopped().await.unwrap();
}
