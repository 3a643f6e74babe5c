//! openraft's own conformance suite.

use std::sync::Arc;

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use store::{Store, StoreConfig};
use tempfile::TempDir;

use crate::checked::Checker;
use crate::log::{LogLimits, LogStore};
use crate::machine::Limits;
use crate::state::StateMachine;
use crate::testkit::{NETWORK, rules};
use crate::types::TypeConfig;

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, StateMachine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("db"), StoreConfig::default()).unwrap();
        let log = LogStore::open(&dir.path().join("log"), LogLimits::default()).unwrap();
        let rules = Arc::new(rules(Limits::default()));
        let machine =
            StateMachine::open(store, rules, Arc::new(Checker::new(NETWORK)), dir.path().join("snapshots")).unwrap();
        Ok((dir, log, machine))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_and_state_machine_pass_the_storage_suite() {
    Suite::test_all(Builder).await.unwrap();
}
