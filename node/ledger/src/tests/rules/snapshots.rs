//! Recording snapshots and what goes to the chain.

use primitives::ledger::{Applied, Command, Refusal};
use primitives::{CommitmentHash, PackId, Policy, TimestampMs, VaultId};
use store::schema;

use super::{is_invalid, is_not_allowed};
use crate::machine::Limits;
use crate::testkit::*;

#[test]
fn a_snapshot_continues_its_stream_and_goes_into_the_outbox() {
    let (mut machine, vault) = Machine::ready();
    let first = machine.snapshot(vault);
    let record = machine.get::<schema::LedgerSnapshots>(&(vault, 1)).unwrap();
    assert_eq!(record.commitment, first);
    assert_eq!(machine.get::<schema::LedgerOutbox>(&0), Some((vault, 1)));
    for pack in record.packs.iter().chain([&record.manifest_pack]) {
        assert_eq!(machine.get::<schema::LedgerPacks>(pack).unwrap().references, 1);
    }
    let again = |commitment| Command::SnapshotCommit {
        commitment,
        packs: record.packs.clone(),
        manifest_pack: record.manifest_pack,
    };
    let same = machine.done(BY_OWNER, again(first.clone()));
    assert_eq!(same, Applied::Snapshot { commitment: first.hash() });
    assert_eq!((machine.totals().snapshots, machine.totals().outbox), (1, 1));
    let mut other = first.clone();
    other.files = 2;
    assert_eq!(machine.refused(BY_OWNER, again(other)), Refusal::Conflict { seq: 1 });
    let mut gap = first.clone();
    gap.seq = 3;
    assert_eq!(machine.refused(BY_OWNER, again(gap)), Refusal::Sequence { expected: 2, found: 3 });
    let mut zero = first.clone();
    zero.seq = 0;
    assert_eq!(machine.refused(BY_OWNER, again(zero)), Refusal::Sequence { expected: 2, found: 0 });
    let mut branch = first.clone();
    branch.seq = 2;
    let expected = first.hash();
    assert_eq!(machine.refused(BY_OWNER, again(branch)), Refusal::Prev { expected, found: CommitmentHash::ZERO });
    let mut unknown = first.clone();
    unknown.vault = VaultId::ZERO;
    assert!(matches!(machine.refused(BY_OWNER, again(unknown)), Refusal::UnknownVault { .. }));
    assert!(is_not_allowed(&machine.refused(Who::Account(STRANGER), again(first))));
    let second = machine.snapshot(vault);
    assert_eq!((second.seq, second.prev), (2, expected));
}

#[test]
fn a_commitment_must_say_what_the_ledger_sees() {
    let (mut machine, vault) = Machine::ready();
    let (pack, _) = machine.pack(vault, Policy::ERASURE, 1);
    let (manifest_pack, manifest) = machine.pack(vault, Policy::MIRROR, 2);
    let good = commitment(vault, 1, CommitmentHash::ZERO, &[pack], &manifest);
    let commit = |commitment: &primitives::Commitment, packs: &[PackId], manifest_pack| Command::SnapshotCommit {
        commitment: commitment.clone(),
        packs: packs.to_vec(),
        manifest_pack,
    };
    let mut version = good.clone();
    version.version = 2;
    let mut policy = good.clone();
    policy.policy = Policy::STRONG;
    let mut retention = good.clone();
    retention.retain_until = TimestampMs::new(1999);
    let mut count = good.clone();
    count.packs = 2;
    let mut root = good.clone();
    root.packs_root = primitives::TreeRoot::ZERO;
    let mut wrong_manifest = good.clone();
    wrong_manifest.manifest = primitives::ShardId::ZERO;
    for (bad, field) in [
        (version, "version"),
        (policy, "policy"),
        (retention, "retain until"),
        (count, "packs"),
        (root, "packs root"),
        (wrong_manifest, "manifest pack"),
    ] {
        assert!(is_invalid(&machine.refused(BY_OWNER, commit(&bad, &[pack], manifest_pack)), field), "{field}");
    }
    assert!(is_invalid(&machine.refused(BY_OWNER, commit(&good, &[pack], pack)), "manifest pack"));
    let missing = PackId::new([7; 32]);
    let refusal = machine.refused(BY_OWNER, commit(&good, &[pack], missing));
    assert_eq!(refusal, Refusal::UnknownPack { pack: missing });
    let unknown = commitment(vault, 1, CommitmentHash::ZERO, &[missing], &manifest);
    let refusal = machine.refused(BY_OWNER, commit(&unknown, &[missing], manifest_pack));
    assert_eq!(refusal, Refusal::UnknownPack { pack: missing });
    // A pack that another vault recorded is unknown here.
    machine.done(BY_OWNER, register(terms(2), &OWNER));
    let (foreign, _) = machine.pack(terms(2).vault(), Policy::ERASURE, 3);
    let borrowed = commitment(vault, 1, CommitmentHash::ZERO, &[foreign], &manifest);
    let refusal = machine.refused(BY_OWNER, commit(&borrowed, &[foreign], manifest_pack));
    assert_eq!(refusal, Refusal::UnknownPack { pack: foreign });
    machine.done(BY_OWNER, commit(&good, &[pack], manifest_pack));
}

#[test]
fn a_full_outbox_refuses_until_the_chain_moves() {
    let mut machine = Machine::open(Limits { outbox: 1, ..Limits::default() });
    machine.done(BY_NODE, announce(6));
    machine.done(BY_OWNER, register(terms(1), &OWNER));
    let vault = terms(1).vault();
    let first = machine.snapshot(vault);
    let (pack, _) = machine.pack(vault, Policy::ERASURE, 1);
    let (manifest_pack, manifest) = machine.pack(vault, Policy::MIRROR, 2);
    let second = commitment(vault, 2, first.hash(), &[pack], &manifest);
    let commit = Command::SnapshotCommit { commitment: second, packs: vec![pack], manifest_pack };
    assert_eq!(machine.refused(BY_OWNER, commit.clone()), Refusal::OutboxFull { limit: 1 });
    let (header, certificate, proofs) = block(5, &[first], &[30], &validators(&[30]));
    machine.done(BY_MEMBER, Command::FinalityRecord { header, certificate, proofs, next_validators: None });
    machine.done(BY_OWNER, commit);
}

#[test]
fn a_member_releases_what_the_chain_will_never_take() {
    let (mut machine, vault) = Machine::ready();
    let commitment = machine.snapshot(vault);
    let release = |seq, reason: &str| Command::OutboxRelease { vault, seq, reason: reason.to_owned() };
    assert!(is_not_allowed(&machine.refused(BY_OWNER, release(1, "conflict"))));
    assert!(is_invalid(&machine.refused(BY_MEMBER, release(1, &"x".repeat(257))), "reason"));
    machine.done(BY_MEMBER, release(2, "no such snapshot"));
    assert_eq!(machine.totals().outbox, 1);
    machine.done(BY_MEMBER, release(1, "conflict"));
    machine.done(BY_MEMBER, release(1, "conflict"));
    assert_eq!((machine.totals().outbox, machine.get::<schema::LedgerOutbox>(&0)), (0, None));
    assert_eq!(machine.get::<schema::LedgerSnapshots>(&(vault, 1)).unwrap().finality, None);
    // Should the chain have it after all, a proof still counts.
    let (header, certificate, proofs) = block(5, &[commitment], &[30], &validators(&[30]));
    machine.done(BY_MEMBER, Command::FinalityRecord { header, certificate, proofs, next_validators: None });
    assert!(machine.get::<schema::LedgerSnapshots>(&(vault, 1)).unwrap().finality.is_some());
    assert_eq!(machine.totals().outbox, 0);
}
