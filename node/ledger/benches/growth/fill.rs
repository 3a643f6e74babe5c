//! The state machine without Raft: rules, tables, RocksDB. Commands are signed and checked by other threads beforehand.

use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use ledger::{Checked, Checker, Limits, Rules, Tables, Writes};
use primitives::SignatureError;
use primitives::ledger::{Applied, Command, SignedCommand, TrustedSet};
use primitives::{Height, MemberKey};
use rustix::time::{ClockId, clock_gettime};
use store::{Durability, Store};

use crate::world::{NETWORK, by_owner, genesis, opening, pack};

/// Packs of one command.
pub(crate) const BATCH: u64 = 256;

type Ready = (SignedCommand, Result<Checked, SignatureError>);

/// What applying cost.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) packs: u64,
    /// Time of the thread that applies.
    pub(crate) cpu: Duration,
    /// Time that passed while it applied; not while it waited for commands.
    pub(crate) wall: Duration,
}

/// Tables, and the rules that fill them.
pub(crate) struct Machine {
    pub(crate) store: Store,
    rules: Rules,
}

impl Machine {
    pub(crate) fn new(store: Store) -> Self {
        let genesis = genesis();
        let rules = Rules {
            network: genesis.network,
            cluster: genesis.cluster,
            members: genesis.members.iter().copied().collect::<std::collections::BTreeSet<MemberKey>>(),
            genesis: TrustedSet { since: Height::GENESIS, validators: genesis.validators },
            limits: Limits::default(),
        };
        let machine = Self { store, rules };
        let checker = Checker::new(NETWORK);
        for signed in opening() {
            let checked = checker.check_all(&[&signed], 1).remove(0);
            machine.apply(&(signed, checked));
        }
        machine
    }

    /// Adds packs numbered from `from` up to `to`.
    pub(crate) fn fill(&self, from: u64, to: u64) -> Cost {
        let mut cost = Cost { packs: to - from, cpu: Duration::ZERO, wall: Duration::ZERO };
        for ready in commands(from, to) {
            let (cpu, wall) = (thread_time(), Instant::now());
            let applied = self.apply(&ready);
            cost.cpu += thread_time() - cpu;
            cost.wall += wall.elapsed();
            let Applied::Batch { outcomes } = applied else { panic!("a batch was applied: {applied:?}") };
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        }
        cost
    }

    /// One entry of one command, as the state machine applies it.
    fn apply(&self, (signed, checked): &Ready) -> Applied {
        let mut writes = Writes::default();
        let mut tables = Tables::new(&self.store, &mut writes);
        let outcome = self.rules.apply(&mut tables, [(signed, checked)]).expect("the tables can be read").remove(0);
        let mut batch = self.store.batch();
        writes.store(&mut batch).expect("the tables exist");
        batch.commit(Durability::Buffered).expect("the tables can be written");
        outcome.expect("a good command")
    }
}

/// Signed and checked, in order, a little ahead of who takes them.
fn commands(from: u64, to: u64) -> impl Iterator<Item = Ready> {
    const MAKERS: u64 = 2;
    let first = move |number: u64| from + number * BATCH;
    let count = (to - from).div_ceil(BATCH);
    let makers: Vec<Receiver<Ready>> = (0..MAKERS)
        .map(|maker| {
            let (sender, receiver) = sync_channel(4);
            std::thread::spawn(move || {
                let checker = Checker::new(NETWORK);
                for number in (maker..count).step_by(usize::try_from(MAKERS).unwrap_or(1)) {
                    let packs = first(number)..(first(number) + BATCH).min(to);
                    let signed = by_owner(Command::Batch { commands: packs.map(pack).collect() }, from, number + 1);
                    let checked = checker.check_all(&[&signed], 1).remove(0);
                    if sender.send((signed, checked)).is_err() {
                        return;
                    }
                }
            });
            receiver
        })
        .collect();
    (0..count).map(move |number| {
        let maker = usize::try_from(number % MAKERS).unwrap_or(0);
        makers[maker].recv().expect("a maker makes all of its commands")
    })
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("no thread runs backwards")
}
