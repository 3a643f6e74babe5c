//! The rules: what a command does to the tables. Pure: the same commands in the same order give the same tables on
//! every member. `docs/spec/ledger.md` is their text; each arm of [`Rules::run`] names its paragraph.

use std::collections::BTreeSet;

use primitives::ledger::{
    Applied, BATCH_MAX, Command, Refusal, SessionOutcome, SignedCommand, Speaker, Totals, TrustedSet,
};
use primitives::{Hash32, MemberKey, NetworkId, SignatureError};
use store::{StoreError, schema};

use crate::checked::Checked;
use crate::rules::{finality, node, object, pack, snapshot, vault};
use crate::tables::{LedgerReads, Tables};

/// Numbers that bound the ledger. Part of the rules: every member must have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most commitments that wait for the chain. Default 10,000: hours of a stalled chain.
    pub outbox: u32,
    /// Serials that a session looks back. Default 1,024: more than one client has in flight.
    pub session_window: u64,
    /// Outcomes remembered over all sessions, one for each command of a batch. Default 262,144, about 30 MB.
    pub outcomes: u64,
    /// Most storage nodes. Default 10,000.
    pub nodes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { outbox: 10_000, session_window: 1024, outcomes: 262_144, nodes: 10_000 }
    }
}

/// What the rules need to know besides the tables. The same on every member.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The network that signatures are for.
    pub network: NetworkId,
    /// The root cluster that keeps this ledger.
    pub cluster: Hash32,
    /// Its members.
    pub members: BTreeSet<MemberKey>,
    /// The validators that sign from genesis on.
    pub genesis: TrustedSet,
    /// Bounds.
    pub limits: Limits,
}

/// A command of this entry whose outcome its session remembers.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    session: Hash32,
    serial: u64,
    /// One, or as many as a batch has commands.
    outcomes: u64,
}

/// Why a rule stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The command is refused.
    Refused(Refusal),
    /// The tables cannot be read.
    Fatal(StoreError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Fatal(error)
    }
}

/// A command as its rule sees it: who says it, and which acknowledgements inside hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) speaker: Speaker,
    checked: &'a Checked,
    position: usize,
}

impl Call<'_> {
    pub(crate) fn ack_holds(&self, ack: usize) -> bool {
        self.checked.ack_holds(self.position, ack)
    }

    pub(crate) fn consent_holds(&self) -> bool {
        self.checked.consent_holds(self.position)
    }

    /// The speaker must be a root member.
    pub(crate) fn member(&self) -> Result<(), Refusal> {
        match self.speaker {
            Speaker::Member(key) if self.rules.members.contains(&key) => Ok(()),
            _ => Err(Refusal::NotAllowed { needs: "a member of the root cluster".to_owned() }),
        }
    }
}

/// A command and what its signatures say.
pub type CheckedCommand<'a> = (&'a SignedCommand, &'a Result<Checked, SignatureError>);

impl Rules {
    /// Applies one Raft entry's commands in order. A refused command changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the tables cannot be read; the writes are then worthless and the node must stop.
    pub fn apply<'c, R: LedgerReads>(
        &self,
        tables: &mut Tables<'_, R>,
        commands: impl IntoIterator<Item = CheckedCommand<'c>>,
    ) -> Result<Vec<Result<Applied, Refusal>>, StoreError> {
        let mut remembered = Vec::new();
        let mut outcomes = Vec::new();
        for (signed, checked) in commands {
            outcomes.push(match self.one(tables, signed, checked, &mut remembered) {
                Ok(applied) => Ok(applied),
                Err(Stop::Refused(refusal)) => Err(refusal),
                Err(Stop::Fatal(error)) => return Err(error),
            });
        }
        self.forget(tables, &remembered)?;
        Ok(outcomes)
    }

    /// Sessions (§2): a command that was applied gives the same outcome again and does nothing.
    fn one<R: LedgerReads>(
        &self,
        tables: &mut Tables<'_, R>,
        signed: &SignedCommand,
        checked: &Result<Checked, SignatureError>,
        remembered: &mut Vec<Remembered>,
    ) -> Result<Applied, Stop> {
        let checked = checked.as_ref().map_err(|_| Refusal::BadSignature)?;
        let session = checked.speaker.session_key(&signed.session);
        let head = tables.get::<schema::LedgerSessionHeads>(&session)?;
        let oldest = head.map_or(0, |head| head.saturating_add(1).saturating_sub(self.limits.session_window));
        if signed.serial < oldest {
            return Err(Refusal::StaleSerial { oldest, found: signed.serial }.into());
        }
        if let Some(outcome) = tables.get::<schema::LedgerSessions>(&(session, signed.serial))? {
            if outcome.command == checked.hash {
                return Ok(outcome.applied);
            }
            return Err(invalid("serial", format!("{} names another command of this session", signed.serial)).into());
        }
        let applied = match &signed.command {
            Command::Batch { commands } => self.batch(tables, commands, checked)?,
            command => self.run(tables, command, checked, 0)?,
        };
        if applied.is_nothing() {
            return Ok(applied);
        }
        tables.put::<schema::LedgerSessions>(
            (session, signed.serial),
            SessionOutcome { command: checked.hash, applied: applied.clone() },
        );
        tables.put::<schema::LedgerSessionHeads>(session, head.map_or(signed.serial, |head| head.max(signed.serial)));
        remembered.push(Remembered { session, serial: signed.serial, outcomes: applied.count() });
        Ok(applied)
    }

    /// Batches (§3): each command is applied or refused by itself.
    fn batch<R: LedgerReads>(
        &self,
        tables: &mut Tables<'_, R>,
        commands: &[Command],
        checked: &Checked,
    ) -> Result<Applied, Stop> {
        if commands.is_empty() || commands.len() > BATCH_MAX {
            return Err(invalid("batch", format!("1 to {BATCH_MAX} commands, found {}", commands.len())).into());
        }
        let mut outcomes = Vec::with_capacity(commands.len());
        for (position, command) in commands.iter().enumerate() {
            outcomes.push(match self.run(tables, command, checked, position) {
                Ok(applied) => Ok(applied),
                Err(Stop::Refused(refusal)) => Err(refusal),
                Err(fatal) => return Err(fatal),
            });
        }
        Ok(Applied::Batch { outcomes })
    }

    fn run<R: LedgerReads>(
        &self,
        tables: &mut Tables<'_, R>,
        command: &Command,
        checked: &Checked,
        position: usize,
    ) -> Result<Applied, Stop> {
        let call = Call { rules: self, speaker: checked.speaker, checked, position };
        match command {
            // §4
            Command::VaultRegister { terms, sealed, consent } => vault::register(&call, tables, terms, sealed, consent),
            // §5
            Command::PackCommit { vault, header, acks } => pack::commit(&call, tables, vault, header, acks),
            // §6
            Command::ObjectCommit { vault, key, version, sealed, packs } => {
                object::commit(&call, tables, vault, key, *version, sealed, packs)
            }
            // §7
            Command::SnapshotCommit { commitment, packs, manifest_pack } => {
                snapshot::commit(&call, tables, commitment, packs, manifest_pack)
            }
            // §8
            Command::NodeAdmit { node } => node::admit(&call, tables, node),
            Command::NodeAnnounce { volumes } => node::announce(&call, tables, volumes),
            // §9
            Command::ShardHeld { ack } => pack::held(&call, tables, ack),
            // §10
            Command::ShardLost { pack, index, volume } => pack::lost(&call, tables, pack, *index, *volume),
            // §11
            Command::FinalityRecord { header, certificate, proofs, next_validators } => {
                finality::record(&call, tables, header, certificate, proofs, next_validators.as_ref())
            }
            // §12
            Command::VaultOnChain { vault, height } => vault::on_chain(&call, tables, vault, *height),
            // §13
            Command::OutboxRelease { vault, seq, reason } => finality::release(&call, tables, vault, *seq, reason),
            // §3
            Command::Batch { .. } => Err(invalid("batch", "no batch in a batch".to_owned()).into()),
        }
    }

    /// Forgets the oldest outcomes beyond the limit (§2), after remembering those of this entry.
    fn forget<R: LedgerReads>(&self, tables: &mut Tables<'_, R>, remembered: &[Remembered]) -> Result<(), StoreError> {
        if remembered.is_empty() {
            return Ok(());
        }
        let mut totals = totals(tables)?;
        let new = remembered.iter().fold(0u64, |sum, one| sum.saturating_add(one.outcomes));
        totals.outcomes = totals.outcomes.saturating_add(new);
        let order = remembered.iter().map(|one| (one.session, one.serial)).collect();
        tables.put::<schema::LedgerSessionOrder>(totals.outcomes_next, order);
        totals.outcomes_next = totals.outcomes_next.saturating_add(1);
        while totals.outcomes > self.limits.outcomes && totals.outcomes_first < totals.outcomes_next {
            let row = totals.outcomes_first;
            let oldest = tables.get::<schema::LedgerSessionOrder>(&row)?.unwrap_or_default();
            for (session, serial) in &oldest {
                let outcome = tables.get::<schema::LedgerSessions>(&(*session, *serial))?;
                totals.outcomes = totals.outcomes.saturating_sub(outcome.map_or(0, |outcome| outcome.applied.count()));
                tables.delete::<schema::LedgerSessions>((*session, *serial));
                // The session's last command is forgotten: the session is over.
                if tables.get::<schema::LedgerSessionHeads>(session)? == Some(*serial) {
                    tables.delete::<schema::LedgerSessionHeads>(*session);
                }
            }
            tables.delete::<schema::LedgerSessionOrder>(row);
            totals.outcomes_first = row.saturating_add(1);
        }
        tables.put::<schema::LedgerTotals>((), totals);
        Ok(())
    }
}

/// The counters.
pub(crate) fn totals<R: LedgerReads>(tables: &mut Tables<'_, R>) -> Result<Totals, StoreError> {
    Ok(tables.get::<schema::LedgerTotals>(&())?.unwrap_or_default())
}

/// A number of items as the formats write it.
pub(crate) fn count<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).expect("a length fits 64 bits")
}

/// The refusal of a field that breaks a rule.
pub(crate) fn invalid(what: &str, reason: String) -> Refusal {
    Refusal::Invalid { what: what.to_owned(), reason }
}
