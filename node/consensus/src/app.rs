//! The application that the engine drives: answers its messages, one at a time, and decides when heights start.
//!
//! ```text
//!   ConsensusReady / Finalized ── held until there is work (hold.rs) ──► "start height h+1"
//!   StartedRound ► blocks known for this height      GetValue ► own block, on disk before the answer
//!   ReceivedProposalPart / ProcessSyncedValue ► checked block, on disk before the answer
//!   Decided ► one synced batch, then the answer
//! ```

use std::sync::Arc;
use std::time::Duration;

use malachite_app_channel::app::consensus::{LocallyProposedValue, ProposedValue, VoteExtensionError};
use malachite_app_channel::app::engine::host::{HeightParams, Next, SyncedValueOutcome};
use malachite_app_channel::app::streaming::StreamMessage;
use malachite_app_channel::{AppMsg, NetworkMsg, Reply};
use malachite_core_types::{CommitCertificate, Context, LinearTimeouts, Round, Validator, Validity};
use malachite_peer::PeerId;
use primitives::Height;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bft::{Bft, BftHeight, BftValidators, BlockValue, Part, SetAddress, certificate_of};
use crate::block::{Block, Undecided};
use crate::chain::Chain;
use crate::config::{ConsensusConfig, CrashPoint};
use crate::error::ConsensusError;
use crate::executor::Executor;
use crate::hold::{self, Reasons};
use crate::intake::Intake;
use crate::parts::{Assembled, Assembler, Offer, split};
use crate::signer::GuardedSigner;
use crate::{clock, history, metrics};

/// Blocks kept for heights that have not started.
const EARLY_BLOCKS_MAX: usize = 8;

/// The question that is held back until there is a reason to start the next height.
enum Held {
    Ready(Reply<(BftHeight, HeightParams<Bft>)>),
    Finalized(Reply<Next<Bft>>),
}

/// The application's state; one task owns it.
pub(crate) struct App {
    config: ConsensusConfig,
    chain: Chain,
    executor: Executor,
    intake: Arc<Intake>,
    signer: GuardedSigner,
    parts: mpsc::Sender<NetworkMsg<Bft>>,
    assembler: Assembler,
    early: Vec<Assembled>,
    held: Option<Held>,
    reasons: Reasons,
    waits: watch::Sender<u64>,
}

/// Where the application hears from.
pub(crate) struct Inputs {
    pub engine: mpsc::Receiver<AppMsg<Bft>>,
    /// The signer's refusals.
    pub fatal: mpsc::Receiver<ConsensusError>,
    /// The engine's end.
    pub ended: oneshot::Receiver<()>,
    pub cancel: CancellationToken,
}

/// How the application's loop ended.
pub(crate) enum End {
    /// Asked to stop. The held question, if any, must outlive the engine, which else logs that nobody answered.
    Stopped { _held: Option<Box<dyn Send>> },
    /// The engine ended.
    EngineEnded,
}

impl App {
    /// An application at the chain's tip. It counts in `waits` how often there was no reason to start the next height.
    pub(crate) fn new(
        config: ConsensusConfig,
        chain: Chain,
        intake: Arc<Intake>,
        signer: GuardedSigner,
        parts: mpsc::Sender<NetworkMsg<Bft>>,
        waits: watch::Sender<u64>,
    ) -> Self {
        let spec = chain.spec();
        let assembler = Assembler::new(spec.network, spec.params.block_bytes_max);
        let executor = Executor::new(chain.clone());
        let reasons = Reasons { work: false, unfinished: false, seen: Height::GENESIS, catching_up: false };
        Self {
            config,
            chain,
            executor,
            intake,
            signer,
            parts,
            assembler,
            early: Vec::new(),
            held: None,
            reasons,
            waits,
        }
    }

    /// Runs until stopped or broken. Reads and writes the store without leaving its thread: give it one of its own.
    pub(crate) async fn run(mut self, mut inputs: Inputs) -> Result<End, ConsensusError> {
        let mut stop_by: Option<Instant> = None;
        loop {
            if stop_by.is_some() && self.held.is_some() {
                return Ok(self.end());
            }
            let wait = if stop_by.is_none() { self.release()? } else { None };
            let until = stop_by.or_else(|| wait.and_then(|wait| Instant::now().checked_add(wait)));
            tokio::select! {
                biased;
                () = inputs.cancel.cancelled(), if stop_by.is_none() => {
                    stop_by = Instant::now().checked_add(self.config.stop_timeout);
                }
                Some(error) = inputs.fatal.recv() => return Err(error),
                message = inputs.engine.recv() => match message {
                    Some(message) => self.handle(message).await?,
                    None => return Ok(End::EngineEnded),
                },
                _ = &mut inputs.ended => return Ok(End::EngineEnded),
                () = self.intake.rung(), if self.held.is_some() => {}
                () = sleep_until(until), if until.is_some() => {
                    if stop_by.is_some() {
                        tracing::warn!(target: "consensus", "stopping in the middle of a height");
                        return Ok(self.end());
                    }
                }
            }
        }
    }

    fn end(self) -> End {
        End::Stopped { _held: self.held.map(|held| Box::new(held) as Box<dyn Send>) }
    }

    /// Answers the held question when there is a reason to; otherwise says how long to wait at most.
    fn release(&mut self) -> Result<Option<Duration>, ConsensusError> {
        if self.held.is_none() {
            return Ok(None);
        }
        let tip = self.executor.tip()?;
        self.reasons.work = self.intake.has_ready();
        let decision = hold::decide(tip.height, tip.timestamp, clock::now(), self.config.heartbeat, &self.reasons);
        if let Err(wait) = decision {
            self.waits.send_modify(|waits| *waits = waits.saturating_add(1));
            return Ok(Some(wait));
        }
        let next = BftHeight(tip.height.next());
        let params = self.height_params()?;
        self.reasons.catching_up = false;
        // A closed reply means that the engine ended, which shows as the end of its channel.
        match self.held.take() {
            Some(Held::Ready(reply)) => drop(reply.send((next, params))),
            Some(Held::Finalized(reply)) => drop(reply.send(Next::Start(next, params))),
            None => {}
        }
        Ok(None)
    }

    fn height_params(&self) -> Result<HeightParams<Bft>, ConsensusError> {
        let validators = BftValidators::from(&self.executor.validators()?);
        let timeouts = LinearTimeouts { propose: self.config.propose_timeout, ..LinearTimeouts::default() };
        Ok(HeightParams::new(validators, timeouts, None))
    }

    fn hold(&mut self, held: Held) -> Result<(), ConsensusError> {
        let next = self.executor.tip()?.height.next();
        self.reasons.unfinished = self.signer.height() >= next || !self.executor.stored(next)?.is_empty();
        self.held = Some(held);
        Ok(())
    }

    /// One arm per message; a dropped reply channel means that the engine is gone, so failed sends are ignored.
    async fn handle(&mut self, message: AppMsg<Bft>) -> Result<(), ConsensusError> {
        match message {
            AppMsg::ConsensusReady { reply } => self.hold(Held::Ready(reply))?,
            AppMsg::StartedRound { height, round, reply_value, .. } => {
                tracing::debug!(target: "consensus", %height, %round, "round started");
                let _ = reply_value.send(self.started_round(height)?);
            }
            AppMsg::GetValue { height, round, reply, .. } => self.propose(height, round, reply).await?,
            AppMsg::ReceivedProposalPart { from, published_by, part, reply } => {
                let _ = reply.send(self.received_part(published_by.unwrap_or(from), part)?);
            }
            AppMsg::Decided { certificate, reply, .. } => {
                self.decided(&certificate)?;
                let _ = reply.send(());
            }
            AppMsg::Finalized { evidence, reply, .. } => {
                if !evidence.is_empty() {
                    ::metrics::counter!(metrics::EQUIVOCATIONS).increment(1);
                    tracing::error!(target: "consensus", ?evidence, "a validator signed two messages for one step");
                }
                self.hold(Held::Finalized(reply))?;
            }
            AppMsg::ProcessSyncedValue { height, round, proposer, value_bytes, reply } => {
                let _ = reply.send(self.synced(height, round, proposer, &value_bytes)?);
            }
            AppMsg::GetDecidedValues { range, reply } => {
                let _ = reply.send(history::decided_values(&self.chain, &range)?);
            }
            AppMsg::GetHistoryMinHeight { reply } => {
                let _ = reply.send(BftHeight::new(1));
            }
            AppMsg::RestreamProposal { height, round, valid_round, value_id, .. } => {
                let stored = self.executor.stored(height.0)?;
                if let Some(stored) = stored.into_iter().find(|stored| stored.block.hash() == value_id) {
                    self.publish(height, round, valid_round, &stored.block).await;
                }
            }
            // Extensions are switched off: give none, accept none.
            AppMsg::ExtendVote { reply, .. } => drop(reply.send(None)),
            AppMsg::VerifyVoteExtensions { extensions, reply, .. } => {
                let refuse = |(address, ())| (address, Err(VoteExtensionError::InvalidVoteExtension));
                drop(reply.send(extensions.into_iter().map(refuse).collect()));
            }
        }
        Ok(())
    }

    /// All blocks known for the height, also those that came before it started.
    fn started_round(&mut self, height: BftHeight) -> Result<Vec<ProposedValue<Bft>>, ConsensusError> {
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.early).into_iter().partition(|early| early.height == height);
        self.early = later;
        for early in now {
            self.accept(early)?;
        }
        let stored = self.executor.stored(height.0)?;
        Ok(stored.iter().map(|stored| proposed(height, stored)).collect())
    }

    /// This validator's block for a round: the one it made before a crash, or a new one. It is on disk before the
    /// engine hears of it, because the engine's log keeps nothing but the hash.
    async fn propose(
        &mut self,
        height: BftHeight,
        round: Round,
        reply: Reply<LocallyProposedValue<Bft>>,
    ) -> Result<(), ConsensusError> {
        let key = self.signer.key();
        let block = match self.executor.stored_own(height.0, round, key)? {
            Some(stored) => stored.block,
            None => {
                let (block, misfits) = self.executor.build(self.intake.select(), clock::now(), key)?;
                self.intake.evict(&misfits)?;
                let record = Undecided::new(round.as_u32().unwrap_or(0), None, key, true, block);
                self.executor.store(&record)?;
                record.block
            }
        };
        CrashPoint::BlockStored.pass(self.config.crash_point);
        let _ = reply.send(LocallyProposedValue::new(height, round, BlockValue(block.hash())));
        self.publish(height, round, Round::Nil, &block).await;
        Ok(())
    }

    async fn publish(&self, height: BftHeight, round: Round, valid_round: Round, block: &Block) {
        let proposer = SetAddress(self.signer.key());
        let offer = Offer { height, round, valid_round, proposer, block };
        for part in split(&offer, &self.chain.spec().network, |bytes| self.signer.sign_plain(bytes)) {
            if self.parts.send(NetworkMsg::PublishProposalPart(part)).await.is_err() {
                return;
            }
        }
    }

    fn received_part(
        &mut self,
        publisher: PeerId,
        part: StreamMessage<Part>,
    ) -> Result<Option<ProposedValue<Bft>>, ConsensusError> {
        let Some(assembled) = self.assembler.add(publisher, part) else { return Ok(None) };
        let next = self.executor.tip()?.height.next();
        self.reasons.seen = self.reasons.seen.max(assembled.height.0);
        if assembled.height.0 == next && self.held.is_none() {
            return self.accept(assembled);
        }
        if assembled.height.0 >= next && self.early.len() < EARLY_BLOCKS_MAX {
            self.early.push(assembled);
        }
        Ok(None)
    }

    /// Checks another validator's block for the height in progress; a good one goes to disk before the answer.
    fn accept(&mut self, assembled: Assembled) -> Result<Option<ProposedValue<Bft>>, ConsensusError> {
        let Assembled { height, round, valid_round, proposer, block } = assembled;
        let set = BftValidators::from(&self.executor.validators()?);
        if *Bft.select_proposer(&set, height, round).address() != proposer {
            tracing::debug!(target: "consensus", %height, %round, %proposer, "a block of someone whose turn it is not");
            return Ok(None);
        }
        // A block that is proposed again keeps its first proposer.
        let author = valid_round.is_nil().then_some(proposer.0);
        let verdict = self.executor.check(&block, author, clock::now())?;
        if let Err(unfit) = &verdict {
            tracing::warn!(target: "consensus", %height, %round, %proposer, %unfit, "refused a proposed block");
        }
        let round = round.as_u32().unwrap_or(0);
        let record = Undecided::new(round, valid_round.as_u32(), proposer.0, verdict.is_ok(), block);
        if record.valid {
            self.executor.store(&record)?;
        }
        Ok(Some(proposed(height, &record)))
    }

    /// A block that was decided without this node, with its certificate already verified by the engine.
    fn synced(
        &mut self,
        height: BftHeight,
        round: Round,
        proposer: SetAddress,
        bytes: &[u8],
    ) -> Result<SyncedValueOutcome<Bft>, ConsensusError> {
        let Ok(block) = Block::decode_exact(bytes, self.chain.spec().params.block_bytes_max) else {
            return Ok(SyncedValueOutcome::PeerFault);
        };
        if block.header.height != height.0 {
            return Ok(SyncedValueOutcome::PeerFault);
        }
        if height.0 != self.executor.tip()?.height.next() {
            return Ok(SyncedValueOutcome::LocalTransientError);
        }
        self.reasons.catching_up = true;
        let decided_at = block.header.timestamp;
        let valid = self.executor.check(&block, None, decided_at)?.is_ok();
        let record = Undecided::new(round.as_u32().unwrap_or(0), None, proposer.0, valid, block);
        if valid {
            self.executor.store(&record)?;
        }
        Ok(SyncedValueOutcome::Verdict(proposed(height, &record)))
    }

    /// Makes a decided block final here.
    fn decided(&mut self, certificate: &CommitCertificate<Bft>) -> Result<(), ConsensusError> {
        CrashPoint::Decided.pass(self.config.crash_point);
        let certificate = certificate_of(certificate);
        let intake = &self.intake;
        let committed = self.executor.commit(&certificate, |included| intake.rows_used_by(included))?;
        CrashPoint::Committed.pass(self.config.crash_point);
        let Some((header, transactions)) = committed else { return Ok(()) };
        self.intake.settle(&transactions)?;
        self.chain.announce();
        self.assembler.prune(BftHeight(header.height));
        self.early.retain(|early| early.height.0 > header.height);
        tracing::info!(
            target: "consensus",
            height = %header.height,
            round = %certificate.round,
            block = %certificate.block,
            transactions = transactions.len(),
            "final"
        );
        Ok(())
    }
}

async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn proposed(height: BftHeight, stored: &Undecided) -> ProposedValue<Bft> {
    ProposedValue {
        height,
        round: Round::new(stored.round),
        valid_round: Round::from(stored.valid_round),
        proposer: SetAddress(stored.proposer),
        value: BlockValue(stored.block.hash()),
        validity: Validity::from_bool(stored.valid),
    }
}
