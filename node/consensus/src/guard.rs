//! Remembers what this validator signed, so that it never signs two messages for one step.
//!
//! The engine's log gives the same protection while it exists; the guard gives it when the log is lost, restored
//! from an old copy or written by another process. Every signature waits for the guard's fsync.
//!
//! File: two slots of 4,096 bytes, written in turn, so that a torn write leaves the older one whole:
//!
//! ```text
//! "SRGUARD1" 8 | sequence u64 LE | length u32 LE | SCALE record | BLAKE3 32 of all before
//! record = network 32 | validator 32 | height u64 | steps: Vec<(round u32, step u8, signed bytes Vec<u8>)>
//! ```

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parity_scale_codec::{Decode, Encode};
use primitives::{Height, NetworkId, ValidatorKey, decode_exact};

use crate::error::GuardError;
use crate::{lock, metrics};

const MAGIC: &[u8; 8] = b"SRGUARD1";
const SLOT_BYTES: usize = 4096;
/// Where the second slot begins; the file is twice as long.
const SECOND_SLOT: u64 = 4096;
/// Bytes around the record: magic, sequence, length, digest.
const FRAME_BYTES: usize = 8 + 8 + 4 + 32;
/// Steps kept for the height in progress; older rounds are forgotten first and then never signed again.
const STEPS_MAX: usize = 20;
/// Longest signed message; ours are below 160 bytes.
const MESSAGE_BYTES_MAX: usize = 180;

/// What is being signed; later steps of a round have greater numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Step {
    /// A proposal.
    Proposal,
    /// A prevote.
    Prevote,
    /// A precommit.
    Precommit,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Proposal => "a proposal",
            Self::Prevote => "a prevote",
            Self::Precommit => "a precommit",
        }
    }
}

/// Everything signed at the height in progress.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Record {
    network: NetworkId,
    validator: ValidatorKey,
    height: Height,
    steps: Vec<(u32, Step, Vec<u8>)>,
}

/// What the record says about a message.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Signed before, the same bytes.
    Repeat,
    /// Not signed before and later than everything that was.
    New,
}

/// What the chain says to a guard that has no file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    /// The last block here. Nothing up to it is signed.
    pub(crate) tip: Height,
    /// Whether this is the only validator. What it may have signed for the next height contradicts nobody's block; among
    /// others it could be half of an equivocation.
    pub(crate) alone: bool,
}

/// The guard of one validator key on one network; holds its file open and locked.
#[derive(Debug)]
pub(crate) struct Guard {
    path: PathBuf,
    file: File,
    sequence: u64,
    record: Record,
}

impl Guard {
    /// Opens or creates the file.
    pub(crate) fn open(
        path: &Path,
        network: NetworkId,
        validator: ValidatorKey,
        beginning: Beginning,
        patience: Duration,
    ) -> Result<Self, GuardError> {
        let io = |operation, error: std::io::Error| GuardError::Io {
            path: path.to_owned(),
            operation,
            reason: error.to_string(),
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| io("open", error))?;
        lock::acquire(&file, patience).map_err(|error| io("lock", error))?;
        let length = file.metadata().map_err(|error| io("stat", error))?.len();
        let steps = vec![(u32::MAX, Step::Precommit, Vec::new())];
        let record = Record { network, validator, height: beginning.tip, steps };
        let mut guard = Self { path: path.to_owned(), file, sequence: 0, record };
        if length == 0 || guard.is_blank()? {
            if beginning.tip > Height::GENESIS && !beginning.alone {
                return Err(GuardError::Missing { path: path.to_owned(), tip: beginning.tip });
            }
            guard.create()?;
            return Ok(guard);
        }
        let newest = guard.read_newest()?.ok_or_else(|| GuardError::Damaged { path: path.to_owned() })?;
        (guard.sequence, guard.record) = newest;
        if guard.record.network != network || guard.record.validator != validator {
            return Err(GuardError::Foreign {
                path: path.to_owned(),
                found: guard.record.validator,
                network: guard.record.network,
            });
        }
        Ok(guard)
    }

    /// Lets `bytes` be signed at this place, or refuses. When it returns, the record of it is on disk.
    pub(crate) fn permit(&mut self, height: Height, round: u32, step: Step, bytes: &[u8]) -> Result<(), GuardError> {
        match judge(&self.record, height, round, step, bytes)? {
            Verdict::Repeat => Ok(()),
            Verdict::New => {
                let before = self.record.clone();
                self.remember(height, round, step, bytes);
                self.write().inspect_err(|_| self.record = before)
            }
        }
    }

    /// The height of the last signature.
    pub(crate) const fn height(&self) -> Height {
        self.record.height
    }

    fn remember(&mut self, height: Height, round: u32, step: Step, bytes: &[u8]) {
        if height > self.record.height {
            self.record.height = height;
            self.record.steps.clear();
        }
        if self.record.steps.len() >= STEPS_MAX {
            self.record.steps.remove(0);
        }
        self.record.steps.push((round, step, bytes.to_vec()));
    }

    /// Makes both slots, so that later writes change no file size.
    fn create(&mut self) -> Result<(), GuardError> {
        self.file.set_len(SECOND_SLOT.saturating_mul(2)).map_err(|error| self.io("extend", error))?;
        self.write()?;
        self.file.sync_all().map_err(|error| self.io("fsync", error))?;
        let directory = self.path.parent().unwrap_or_else(|| Path::new("."));
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| self.io("fsync of the directory", error))
    }

    /// Whether the process that made the file ended before it wrote anything: so nothing was signed.
    fn is_blank(&self) -> Result<bool, GuardError> {
        let mut bytes = vec![0; SLOT_BYTES.saturating_mul(2)];
        let read = self.file.read_at(&mut bytes, 0).map_err(|error| self.io("read", error))?;
        Ok(bytes.iter().take(read).all(|byte| *byte == 0))
    }

    fn write(&mut self) -> Result<(), GuardError> {
        let started = Instant::now();
        let sequence = self.sequence.saturating_add(1);
        let slot = frame(sequence, &self.record);
        let offset = if sequence.is_multiple_of(2) { 0 } else { SECOND_SLOT };
        self.file.write_all_at(&slot, offset).map_err(|error| self.io("write", error))?;
        self.file.sync_data().map_err(|error| self.io("fsync", error))?;
        self.sequence = sequence;
        metrics::observe(metrics::GUARD_SYNC, started.elapsed());
        Ok(())
    }

    fn read_newest(&self) -> Result<Option<(u64, Record)>, GuardError> {
        let mut newest: Option<(u64, Record)> = None;
        for offset in [0, SECOND_SLOT] {
            let mut slot = vec![0; SLOT_BYTES];
            match self.file.read_exact_at(&mut slot, offset) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => continue,
                Err(error) => return Err(self.io("read", error)),
            }
            if let Some(found) = unframe(&slot)
                && newest.as_ref().is_none_or(|(sequence, _)| found.0 > *sequence)
            {
                newest = Some(found);
            }
        }
        Ok(newest)
    }

    fn io(&self, operation: &'static str, error: std::io::Error) -> GuardError {
        GuardError::Io { path: self.path.clone(), operation, reason: error.to_string() }
    }
}

/// The rule: at one height, signed steps may be repeated byte for byte, and otherwise only later ones be signed.
fn judge(record: &Record, height: Height, round: u32, step: Step, bytes: &[u8]) -> Result<Verdict, GuardError> {
    let last = record.steps.iter().map(|(round, step, _)| (*round, *step)).max();
    let regression = GuardError::Regression {
        height,
        round,
        step: step.name(),
        last_height: record.height,
        last_round: last.map_or(0, |(round, _)| round),
    };
    if bytes.len() > MESSAGE_BYTES_MAX || height < record.height {
        return Err(regression);
    }
    if height > record.height {
        return Ok(Verdict::New);
    }
    match record.steps.iter().find(|(at, of, _)| (*at, *of) == (round, step)) {
        Some((_, _, signed)) if signed == bytes => Ok(Verdict::Repeat),
        Some(_) => Err(GuardError::Conflict { height, round, step: step.name() }),
        None if last.is_none_or(|last| (round, step) > last) => Ok(Verdict::New),
        None => Err(regression),
    }
}

fn frame(sequence: u64, record: &Record) -> Vec<u8> {
    let record = record.encode();
    let length = u32::try_from(record.len()).expect("a record is bounded by steps and message length");
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.extend_from_slice(MAGIC);
    slot.extend_from_slice(&sequence.to_le_bytes());
    slot.extend_from_slice(&length.to_le_bytes());
    slot.extend_from_slice(&record);
    let digest = blake3::hash(&slot);
    slot.extend_from_slice(digest.as_bytes());
    slot.resize(SLOT_BYTES, 0);
    slot
}

fn unframe(slot: &[u8]) -> Option<(u64, Record)> {
    let rest = slot.strip_prefix(MAGIC)?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let record = rest.get(..length)?;
    let digest = rest.get(length..length.checked_add(32)?)?;
    let framed = slot.get(..length.checked_add(FRAME_BYTES)?.checked_sub(32)?)?;
    if blake3::hash(framed).as_bytes() != digest {
        return None;
    }
    Some((u64::from_le_bytes(*sequence), decode_exact("signing guard", record, SLOT_BYTES).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: NetworkId = NetworkId::new([1; 32]);
    const KEY: ValidatorKey = ValidatorKey::new([2; 32]);
    const BEGINNING: Beginning = Beginning { tip: Height::GENESIS, alone: false };

    fn open(dir: &tempfile::TempDir) -> Result<Guard, GuardError> {
        Guard::open(&dir.path().join("guard"), NETWORK, KEY, BEGINNING, Duration::ZERO)
    }

    fn h(height: u64) -> Height {
        Height::new(height)
    }

    #[test]
    fn without_its_file_a_lone_validator_signs_nothing_up_to_the_tip_and_others_do_not_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guard");
        let among_others = Beginning { tip: h(4), alone: false };
        let refused = Guard::open(&path, NETWORK, KEY, among_others, Duration::ZERO);
        assert!(matches!(refused, Err(GuardError::Missing { tip, .. }) if tip == h(4)));
        // A process that ended while it made the file has signed nothing, and says nothing else.
        std::fs::write(&path, [0; SLOT_BYTES * 2]).unwrap();
        let refused = Guard::open(&path, NETWORK, KEY, among_others, Duration::ZERO);
        assert!(matches!(refused, Err(GuardError::Missing { .. })));
        let mut guard = Guard::open(&path, NETWORK, KEY, Beginning { tip: h(4), alone: true }, Duration::ZERO).unwrap();
        assert!(matches!(guard.permit(h(4), 0, Step::Prevote, b"a"), Err(GuardError::Regression { .. })));
        guard.permit(h(5), 0, Step::Prevote, b"a").unwrap();
        drop(guard);
        let mut guard = Guard::open(&path, NETWORK, KEY, among_others, Duration::ZERO).unwrap();
        assert!(matches!(guard.permit(h(5), 0, Step::Prevote, b"b"), Err(GuardError::Conflict { .. })));
    }

    #[test]
    fn the_same_bytes_may_be_signed_again_and_other_bytes_never_also_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let mut guard = open(&dir).unwrap();
        guard.permit(h(1), 0, Step::Proposal, b"p").unwrap();
        guard.permit(h(1), 0, Step::Prevote, b"a").unwrap();
        guard.permit(h(1), 0, Step::Precommit, b"b").unwrap();
        drop(guard);
        let mut guard = open(&dir).unwrap();
        guard.permit(h(1), 0, Step::Proposal, b"p").unwrap();
        guard.permit(h(1), 0, Step::Prevote, b"a").unwrap();
        assert!(matches!(guard.permit(h(1), 0, Step::Proposal, b"q"), Err(GuardError::Conflict { .. })));
        assert!(matches!(guard.permit(h(1), 0, Step::Precommit, b"c"), Err(GuardError::Conflict { .. })));
        guard.permit(h(1), 1, Step::Prevote, b"c").unwrap();
        assert!(matches!(guard.permit(h(1), 1, Step::Proposal, b"late"), Err(GuardError::Regression { .. })));
        guard.permit(h(2), 0, Step::Prevote, b"x").unwrap();
        assert!(matches!(guard.permit(h(1), 5, Step::Prevote, b"x"), Err(GuardError::Regression { .. })));
        assert_eq!(guard.height(), h(2));
    }

    #[test]
    fn many_rounds_stay_within_a_slot_and_forgotten_steps_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut guard = open(&dir).unwrap();
        let message = vec![7; MESSAGE_BYTES_MAX];
        for round in 0..100 {
            guard.permit(h(9), round, Step::Prevote, &message).unwrap();
            guard.permit(h(9), round, Step::Precommit, &message).unwrap();
        }
        assert!(matches!(guard.permit(h(9), 0, Step::Prevote, &message), Err(GuardError::Regression { .. })));
        drop(guard);
        let mut guard = open(&dir).unwrap();
        guard.permit(h(9), 99, Step::Precommit, &message).unwrap();
        assert!(guard.permit(h(9), 99, Step::Precommit, b"other").is_err());
    }

    #[test]
    fn a_torn_write_falls_back_to_the_slot_before_and_two_damaged_slots_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guard");
        let mut guard = open(&dir).unwrap();
        guard.permit(h(1), 0, Step::Prevote, b"a").unwrap();
        guard.permit(h(1), 0, Step::Precommit, b"b").unwrap();
        let newest = if guard.sequence.is_multiple_of(2) { 0 } else { SLOT_BYTES };
        drop(guard);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[newest + 40] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let guard = open(&dir).unwrap();
        assert_eq!(guard.record.steps.len(), 1);
        drop(guard);
        bytes[SLOT_BYTES - newest + 40] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(open(&dir), Err(GuardError::Damaged { .. })));
    }

    #[test]
    fn every_flipped_bit_of_a_slot_is_noticed() {
        let record =
            Record { network: NETWORK, validator: KEY, height: h(3), steps: vec![(0, Step::Prevote, vec![1])] };
        let slot = frame(5, &record);
        let used = record.encoded_size() + FRAME_BYTES;
        assert_eq!(unframe(&slot), Some((5, record)));
        for bit in 0..used * 8 {
            let mut damaged = slot.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unframe(&damaged), None, "bit {bit}");
        }
    }

    #[test]
    fn a_guard_of_another_key_or_network_and_a_second_opener_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guard");
        let first = open(&dir).unwrap();
        assert!(matches!(open(&dir), Err(GuardError::Io { operation: "lock", .. })));
        drop(first);
        let other = Guard::open(&path, NETWORK, ValidatorKey::new([3; 32]), BEGINNING, Duration::ZERO);
        assert!(matches!(other, Err(GuardError::Foreign { found: KEY, .. })));
        let other = Guard::open(&path, NetworkId::new([4; 32]), KEY, BEGINNING, Duration::ZERO);
        assert!(matches!(other, Err(GuardError::Foreign { network: NETWORK, .. })));
    }
}
