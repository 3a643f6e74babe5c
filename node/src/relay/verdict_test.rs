use primitives::{COMMITMENT_VERSION, Policy, ShardId, TimestampMs, TreeRoot};

use super::*;

const OURS: Hash32 = Hash32::new([1; 32]);
const THEIRS: Hash32 = Hash32::new([2; 32]);

fn commitment(vault: u8, seq: u64, prev: CommitmentHash) -> Commitment {
    Commitment {
        version: COMMITMENT_VERSION,
        vault: VaultId::new([vault; 32]),
        seq,
        prev,
        content_root: Hash32::ZERO,
        manifest: ShardId::ZERO,
        packs_root: TreeRoot::ZERO,
        packs: 0,
        files: 1,
        logical_bytes: 1,
        stored_bytes: 1,
        policy: Policy::ERASURE,
        retain_until: TimestampMs::new(0),
        taken_at: TimestampMs::new(0),
    }
}

/// The first commitments of a vault's stream.
fn stream(vault: u8, length: u64) -> Vec<Commitment> {
    let mut head = CommitmentHash::ZERO;
    let next = |seq| {
        let next = commitment(vault, seq, head);
        head = next.hash();
        next
    };
    (1..=length).map(next).collect()
}

fn refused(commitment: &Commitment) -> Refused {
    Refused { commitment: commitment.clone(), reason: "words".to_owned(), against_terms: false }
}

/// A registered vault whose stream the chain knows nothing of, while all of it waits in the ledger.
const WAITING: Facts = Facts { before_comes: true, cluster: Some(OURS), before: None, here: None };

#[test]
fn what_the_chain_will_never_record_is_told_from_what_may_pass() {
    let stream = stream(1, 3);
    let (first, third) = (&stream[0], &stream[2]);
    let (mine, prev, other) = (Some(third.hash()), Some(third.prev), Some(CommitmentHash::new([9; 32])));
    for (what, commitment, against_terms, facts, expected) in [
        ("somebody brought it there", third, false, Facts { here: mine, ..WAITING }, Verdict::Recorded),
        (
            "so it did, then the vault left",
            third,
            false,
            Facts { here: mine, cluster: Some(THEIRS), ..WAITING },
            Verdict::Recorded,
        ),
        ("another one is there", third, false, Facts { here: other, ..WAITING }, Verdict::Never),
        ("no vault yet", third, false, Facts { cluster: None, ..WAITING }, Verdict::NotYet),
        ("the vault left", third, false, Facts { cluster: Some(THEIRS), ..WAITING }, Verdict::Never),
        ("the terms refuse it", third, true, WAITING, Verdict::Never),
        ("the first", first, false, Facts { before_comes: false, ..WAITING }, Verdict::NotYet),
        ("its turn has not come", third, false, WAITING, Verdict::NotYet),
        ("its turn has come", third, false, Facts { before: prev, before_comes: false, ..WAITING }, Verdict::NotYet),
        ("the streams differ before it", third, false, Facts { before: other, ..WAITING }, Verdict::Never),
        ("what it continues was released", third, false, Facts { before_comes: false, ..WAITING }, Verdict::Never),
    ] {
        assert_eq!(verdict(&OURS, commitment, against_terms, &facts), expected, "{what}");
    }
}

#[test]
fn a_diverged_stream_goes_whole_and_others_stay() {
    let (diverged, good) = (stream(1, 4), stream(2, 2));
    // The owner has committed another first snapshot on the chain.
    let other = Some(CommitmentHash::new([9; 32]));
    let facts = [Facts { here: other, ..WAITING }, Facts { before: other, ..WAITING }, WAITING, WAITING];
    let mut cases: Vec<_> = diverged.iter().map(refused).zip(facts).collect();
    cases.splice(1..1, good.iter().map(|commitment| (refused(commitment), WAITING)));
    let judged = judge(&OURS, cases);
    let vault = diverged[0].vault;
    assert_eq!(judged.never, [1, 2, 3, 4].map(|seq| (vault, seq, "words".to_owned())));
    assert_eq!(judged.later, BTreeMap::from([(good[0].vault, (1, "words".to_owned()))]));
}

#[test]
fn rows_behind_one_that_was_released_before_go_too() {
    let stream = stream(1, 3);
    let released = Facts { before_comes: false, ..WAITING };
    let judged = judge(&OURS, [(refused(&stream[1]), released), (refused(&stream[2]), WAITING)]);
    assert_eq!(judged.never.iter().map(|(_, seq, _)| *seq).collect::<Vec<_>>(), [2, 3]);
    assert!(judged.later.is_empty());
}

#[test]
fn terms_that_refuse_one_snapshot_end_the_stream() {
    let stream = stream(1, 2);
    let first = Refused { against_terms: true, ..refused(&stream[0]) };
    let judged = judge(&OURS, [(first, WAITING), (refused(&stream[1]), WAITING)]);
    assert_eq!(judged.never.len(), 2);
}
