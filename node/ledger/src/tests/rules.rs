//! Every rule and every refusal.

use primitives::ledger::{Applied, Command, Holder, Refusal, Signer, VolumeInfo};
use primitives::{CommitmentHash, EcdsaSignature, Height, ObjectKey, PackId, Policy, TimestampMs, VaultId, VolumeId};
use store::schema;

use crate::machine::Limits;
use crate::testkit::*;

fn is_invalid(refusal: &Refusal, field: &str) -> bool {
    matches!(refusal, Refusal::Invalid { what, .. } if what == field)
}

fn is_not_allowed(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::NotAllowed { .. })
}

#[test]
fn a_vault_is_opened_once_by_its_owner_on_good_terms() {
    let mut machine = Machine::new(Limits::default());
    let vault = terms(1).vault();
    assert!(is_not_allowed(&machine.refused(Who::Account(STRANGER), register(terms(1), &OWNER))));
    assert!(is_not_allowed(&machine.refused(BY_NODE, register(terms(1), &OWNER))));
    assert!(is_invalid(&machine.refused(BY_OWNER, register(terms(1), &STRANGER)), "consent"));
    let mut foreign = terms(1);
    foreign.cluster = primitives::Hash32::ZERO;
    assert!(is_invalid(&machine.refused(BY_OWNER, register(foreign, &OWNER)), "cluster"));
    let mut doubled = terms(1);
    doubled.delegates = vec![primitives::Address::ZERO; 2];
    assert!(is_invalid(&machine.refused(BY_OWNER, register(doubled, &OWNER)), "delegates"));
    let mut many = terms(1);
    many.delegates = (0..17).map(|byte| primitives::Address::new([byte; 20])).collect();
    assert!(is_invalid(&machine.refused(BY_OWNER, register(many, &OWNER)), "delegates"));
    let Command::VaultRegister { terms: same, consent, .. } = register(terms(1), &OWNER) else { unreachable!() };
    let long = Command::VaultRegister { terms: same, sealed: vec![0; 64 * 1024 + 1], consent };
    assert!(is_invalid(&machine.refused(BY_OWNER, long), "sealed"));

    assert_eq!(machine.done(BY_OWNER, register(terms(1), &OWNER)), Applied::Done);
    let record = machine.get::<schema::LedgerVaults>(&vault).unwrap();
    assert_eq!((record.head_seq, record.head, record.on_chain), (0, CommitmentHash::ZERO, None));
    assert!(machine.get::<schema::LedgerOwners>(&(record.terms.owner, vault)).is_some());
    assert_eq!(machine.done(BY_OWNER, register(terms(1), &OWNER)), Applied::Done);
    assert_eq!(machine.totals().vaults, 1);
    let mut other = terms(1);
    other.policy = Policy::STRONG;
    assert_eq!(machine.refused(BY_OWNER, register(other, &OWNER)), Refusal::VaultExists { vault });
}

#[test]
fn only_members_note_that_the_chain_knows_a_vault_and_the_first_height_stays() {
    let (mut machine, vault) = Machine::ready();
    let at = |height| Command::VaultOnChain { vault, height: Height::new(height) };
    assert!(is_not_allowed(&machine.refused(BY_OWNER, at(3))));
    assert!(is_not_allowed(&machine.refused(Who::Member(21), at(3))));
    let unknown = Command::VaultOnChain { vault: VaultId::ZERO, height: Height::new(1) };
    assert_eq!(machine.refused(BY_MEMBER, unknown), Refusal::UnknownVault { vault: VaultId::ZERO });
    machine.done(BY_MEMBER, at(3));
    machine.done(BY_MEMBER, at(4));
    assert_eq!(machine.get::<schema::LedgerVaults>(&vault).unwrap().on_chain, Some(Height::new(3)));
}

#[test]
fn nodes_announce_volumes_and_the_network_counts_them() {
    let mut machine = Machine::new(Limits { nodes: 1, ..Limits::default() });
    assert!(is_not_allowed(&machine.refused(BY_OWNER, announce(2))));
    let volume = |volume, weight| VolumeInfo { volume: VolumeId(volume), weight };
    for bad in [vec![volume(1, 1), volume(1, 1)], vec![volume(2, 1), volume(1, 1)], vec![volume(1, 0)]] {
        assert!(is_invalid(&machine.refused(BY_NODE, Command::NodeAnnounce { volumes: bad }), "volumes"));
    }
    assert!(is_invalid(&machine.refused(BY_NODE, announce(1025)), "volumes"));
    machine.done(BY_NODE, announce(6));
    machine.done(BY_NODE, announce(4));
    machine.done(BY_NODE, announce(4));
    assert_eq!((machine.totals().nodes, machine.totals().volumes), (1, 4));
    assert!(is_invalid(&machine.refused(Who::Node(11), announce(1)), "node"));
}

#[test]
fn a_pack_needs_its_vault_a_writer_and_a_sound_header() {
    let (mut machine, vault) = Machine::ready();
    let good = header(Policy::ERASURE, 1);
    let places = everywhere(&good);
    let unknown = pack_commit(VaultId::ZERO, &good, &places);
    assert_eq!(machine.refused(BY_OWNER, unknown), Refusal::UnknownVault { vault: VaultId::ZERO });
    for who in [Who::Account(STRANGER), BY_NODE, BY_MEMBER] {
        assert!(is_not_allowed(&machine.refused(who, pack_commit(vault, &good, &places))));
    }
    let mut odd = good.clone();
    odd.shard_len = 65;
    assert!(is_invalid(&machine.refused(BY_OWNER, pack_commit(vault, &odd, &places)), "header"));
    let applied = machine.done(Who::Account(DELEGATE), pack_commit(vault, &good, &places));
    assert_eq!(applied, Applied::Pack { pack: good.id(), degraded: false });
    let record = machine.get::<schema::LedgerPacks>(&good.id()).unwrap();
    assert_eq!((record.vault, record.holders.len(), record.references), (vault, 6, 0));
    let owner = machine.get::<schema::LedgerVaults>(&vault).unwrap();
    assert_eq!((owner.packs, owner.stored_bytes), (1, good.stored_bytes()));
    assert_eq!(machine.get::<schema::LedgerVaultPacks>(&(vault, 0)), Some(good.id()));
    assert_eq!(machine.get::<schema::LedgerShards>(&(good.shards[4], good.id())), Some(4));
    // Another vault of the same owner cannot take it over.
    machine.done(BY_OWNER, register(terms(2), &OWNER));
    let stolen = pack_commit(terms(2).vault(), &good, &places);
    assert!(is_invalid(&machine.refused(BY_OWNER, stolen), "pack"));
}

#[test]
fn acknowledgements_are_believed_only_when_everything_about_them_is_right() {
    let (mut machine, vault) = Machine::ready();
    let good = header(Policy::ERASURE, 1);
    let mut wrong_pack = ack(&good, 0, 0);
    wrong_pack.pack = PackId::ZERO;
    let mut wrong_shard = ack(&good, 0, 0);
    wrong_shard.shard = good.shards[1];
    let mut wrong_signature = ack(&good, 0, 0);
    wrong_signature.volume = VolumeId(1);
    let unannounced = ack(&good, 0, 6);
    let no_index = ack(&good, 6, 0);
    for (bad, words) in [
        (wrong_pack, "another pack"),
        (wrong_shard, "another shard"),
        (wrong_signature, "signature"),
        (unannounced, "announced"),
        (no_index, "no such index"),
        (ack(&good, 1, 0), "second"),
    ] {
        let mut acks = acks(&good, &everywhere(&good)[1..]);
        acks.push(bad);
        let refusal = machine.refused(BY_OWNER, Command::PackCommit { vault, header: good.clone(), acks });
        assert!(matches!(&refusal, Refusal::BadAck { reason, .. } if reason.contains(words)), "{refusal}: {words}");
    }
}

/// Policy, volumes announced, places acknowledged, and what comes of it: degraded or not, or what was found and needed.
#[test]
fn quorums_count_distinct_volumes_as_far_as_there_are_volumes() {
    type Case<'a> = (Policy, u16, &'a [(u8, u16)], Result<bool, (u8, u8)>);
    let erasure = Policy::ERASURE;
    let mirror = Policy::MIRROR;
    let cases: &[Case<'_>] = &[
        (erasure, 6, &[(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)], Ok(false)),
        (erasure, 6, &[(0, 0), (1, 1), (2, 2), (3, 3), (5, 4)], Ok(false)),
        (erasure, 6, &[(0, 0), (1, 1), (2, 2), (3, 3)], Ok(true)),
        (erasure, 6, &[(0, 0), (1, 1), (2, 2)], Err((3, 4))),
        (erasure, 6, &[], Err((0, 4))),
        // Enough shards, but together on too few of six volumes.
        (erasure, 6, &[(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2)], Err((3, 4))),
        (erasure, 6, &[(0, 0), (1, 0), (2, 1), (3, 2), (4, 3)], Ok(true)),
        // There are only four volumes: all of them is all that can be asked.
        (erasure, 4, &[(0, 0), (1, 1), (2, 2), (3, 3), (4, 0), (5, 1)], Ok(false)),
        (erasure, 4, &[(0, 0), (1, 1), (2, 2), (3, 3)], Ok(true)),
        (erasure, 1, &[(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)], Ok(false)),
        (erasure, 1, &[(0, 0), (1, 0), (2, 0)], Err((3, 4))),
        (mirror, 6, &[(0, 0), (1, 1), (2, 2)], Ok(false)),
        (mirror, 6, &[(0, 0), (1, 1)], Ok(true)),
        // A second copy on a volume counts for nothing.
        (mirror, 6, &[(0, 0), (1, 0), (2, 0), (3, 0)], Ok(true)),
        (mirror, 1, &[(0, 0)], Ok(false)),
        (mirror, 2, &[(0, 0), (1, 1)], Ok(false)),
    ];
    for (seed, (policy, volumes, places, expected)) in (0..).zip(cases) {
        let (mut machine, vault) = Machine::ready();
        machine.done(BY_NODE, announce(*volumes));
        let header = header(*policy, seed);
        let found = machine.apply(BY_OWNER, pack_commit(vault, &header, places));
        let expected = match *expected {
            Ok(degraded) => Ok(Applied::Pack { pack: header.id(), degraded }),
            Err((found, needed)) => Err(Refusal::TooFewHolders { found, needed }),
        };
        assert_eq!(found, expected, "case {seed}: {policy} on {volumes} volumes at {places:?}");
    }
}

#[test]
fn a_pack_committed_again_gains_holders_and_is_counted_once() {
    let (mut machine, vault) = Machine::ready();
    let pack = header(Policy::ERASURE, 1);
    let first = pack_commit(vault, &pack, &[(0, 0), (1, 1), (2, 2), (3, 3)]);
    assert_eq!(machine.done(BY_OWNER, first), Applied::Pack { pack: pack.id(), degraded: true });
    // Index 0 has a holder already; index 5 has none.
    let again = pack_commit(vault, &pack, &[(0, 4), (5, 5)]);
    assert_eq!(machine.done(BY_OWNER, again), Applied::Pack { pack: pack.id(), degraded: false });
    let holders = machine.get::<schema::LedgerPacks>(&pack.id()).unwrap().holders;
    let places: Vec<_> = holders.iter().map(|holder| (holder.index, holder.volume.0)).collect();
    assert_eq!(places, [(0, 0), (1, 1), (2, 2), (3, 3), (5, 5)]);
    assert_eq!(machine.get::<schema::LedgerVaults>(&vault).unwrap().packs, 1);
    assert_eq!(machine.totals().packs, 1);
}

#[test]
fn holders_move_only_by_their_own_word() {
    let (mut machine, vault) = Machine::ready();
    let (pack, erasure) = machine.pack(vault, Policy::ERASURE, 1);
    let (copies, mirror) = machine.pack(vault, Policy::MIRROR, 2);
    let lost = |pack, index, volume| Command::ShardLost { pack, index, volume: VolumeId(volume) };
    assert!(is_not_allowed(&machine.refused(BY_OWNER, lost(pack, 0, 0))));
    assert_eq!(machine.refused(BY_NODE, lost(PackId::ZERO, 0, 0)), Refusal::UnknownPack { pack: PackId::ZERO });
    machine.done(Who::Node(11), lost(pack, 0, 0));
    machine.done(BY_NODE, lost(pack, 0, 1));
    assert_eq!(machine.get::<schema::LedgerPacks>(&pack).unwrap().holders.len(), 6);
    machine.done(BY_NODE, lost(pack, 0, 0));
    machine.done(BY_NODE, lost(pack, 0, 0));
    assert_eq!(machine.get::<schema::LedgerPacks>(&pack).unwrap().holders.len(), 5);

    let held = |ack| Command::ShardHeld { ack };
    assert!(is_not_allowed(&machine.refused(BY_OWNER, held(ack(&erasure, 0, 3)))));
    assert!(is_not_allowed(&machine.refused(Who::Node(11), held(ack(&erasure, 0, 3)))));
    assert!(matches!(machine.refused(BY_NODE, held(ack(&erasure, 0, 6))), Refusal::BadAck { .. }));
    assert!(matches!(machine.refused(BY_NODE, held(ack(&header(OTHER, 9), 0, 0))), Refusal::UnknownPack { .. }));
    // Erasure shards may share a volume after a repair; a move replaces the holder of its index.
    machine.done(BY_NODE, held(ack(&erasure, 0, 3)));
    machine.done(BY_NODE, held(ack(&erasure, 1, 3)));
    let holder = |index, volume| Holder { index, node: node(), volume: VolumeId(volume) };
    let holders = machine.get::<schema::LedgerPacks>(&pack).unwrap().holders;
    assert_eq!(holders, [holder(0, 3), holder(1, 3), holder(2, 2), holder(3, 3), holder(4, 4), holder(5, 5)]);
    // Copies may not.
    assert!(matches!(machine.refused(BY_NODE, held(ack(&mirror, 0, 1))), Refusal::BadAck { .. }));
    machine.done(BY_NODE, held(ack(&mirror, 0, 5)));
    assert_eq!(machine.get::<schema::LedgerPacks>(&copies).unwrap().holders[0], holder(0, 5));
}

#[test]
fn objects_have_versions_without_gaps_and_hold_their_packs() {
    let (mut machine, vault) = Machine::ready();
    let (pack, _) = machine.pack(vault, Policy::ERASURE, 1);
    let key = ObjectKey::new([8; 32]);
    let commit = |version, sealed: &[u8], packs: &[PackId]| Command::ObjectCommit {
        vault,
        key,
        version,
        sealed: sealed.to_vec(),
        packs: packs.to_vec(),
    };
    assert!(is_not_allowed(&machine.refused(Who::Account(STRANGER), commit(1, b"a", &[]))));
    assert_eq!(machine.refused(BY_OWNER, commit(2, b"a", &[])), Refusal::Sequence { expected: 1, found: 2 });
    assert_eq!(machine.refused(BY_OWNER, commit(0, b"a", &[])), Refusal::Sequence { expected: 1, found: 0 });
    assert!(is_invalid(&machine.refused(BY_OWNER, commit(1, &[0; 64 * 1024 + 1], &[])), "sealed"));
    assert!(is_invalid(&machine.refused(BY_OWNER, commit(1, b"", &[pack])), "packs"));
    assert!(is_invalid(&machine.refused(BY_OWNER, commit(1, b"a", &[pack, pack])), "packs"));
    let missing = PackId::new([7; 32]);
    assert_eq!(machine.refused(BY_OWNER, commit(1, b"a", &[missing])), Refusal::UnknownPack { pack: missing });
    machine.done(BY_OWNER, commit(1, b"a", &[pack]));
    machine.done(BY_OWNER, commit(1, b"a", &[pack]));
    assert_eq!(machine.refused(BY_OWNER, commit(1, b"b", &[pack])), Refusal::Sequence { expected: 2, found: 1 });
    machine.done(BY_OWNER, commit(2, b"b", &[pack]));
    machine.done(BY_OWNER, commit(3, b"", &[]));
    assert_eq!(machine.get::<schema::LedgerPacks>(&pack).unwrap().references, 2);
    assert_eq!(machine.get::<schema::LedgerObjectHeads>(&(vault, key)), Some(3));
    assert_eq!(machine.totals().objects, 3);
}

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
    let mut machine = Machine::new(Limits { outbox: 1, ..Limits::default() });
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

#[test]
fn finality_is_believed_only_with_certificate_and_proof() {
    let (mut machine, vault) = Machine::ready();
    let leaves = [machine.snapshot(vault), machine.snapshot(vault), machine.snapshot(vault)];
    let set = validators(&[30]);
    let (header, certificate, proofs) = block(5, &leaves, &[30], &set);
    let record =
        |header: &primitives::Header, certificate: &primitives::Certificate, proofs: &[_]| Command::FinalityRecord {
            header: header.clone(),
            certificate: certificate.clone(),
            proofs: proofs.to_vec(),
            next_validators: None,
        };
    assert!(is_not_allowed(&machine.refused(BY_OWNER, record(&header, &certificate, &proofs))));
    let mut forged = header.clone();
    forged.log_size = 4;
    assert!(is_invalid(&machine.refused(BY_MEMBER, record(&forged, &certificate, &proofs)), "certificate"));
    let (foreign, foreign_certificate, _) = block(5, &leaves, &[31], &set);
    let refusal = machine.refused(BY_MEMBER, record(&foreign, &foreign_certificate, &proofs));
    assert!(is_invalid(&refusal, "certificate"));
    let mut moved = proofs.clone();
    moved[1].leaf_index = 0;
    assert!(is_invalid(&machine.refused(BY_MEMBER, record(&header, &certificate, &moved)), "proof"));
    let mut unknown = proofs.clone();
    unknown[0].seq = 9;
    assert!(is_invalid(&machine.refused(BY_MEMBER, record(&header, &certificate, &unknown)), "proof"));

    machine.done(BY_MEMBER, record(&header, &certificate, &proofs[..2]));
    let finality = machine.get::<schema::LedgerSnapshots>(&(vault, 2)).unwrap().finality.unwrap();
    assert_eq!((finality.height, finality.leaf_index, finality.timestamp.get()), (Height::new(5), 1, 5000));
    assert_eq!((machine.totals().outbox, machine.get::<schema::LedgerOutbox>(&2)), (1, Some((vault, 3))));
    // Later blocks change nothing about what is final.
    let (later, later_certificate, later_proofs) = block(6, &leaves, &[30], &set);
    machine.done(BY_MEMBER, record(&later, &later_certificate, &later_proofs));
    let of = |machine: &Machine, seq| machine.get::<schema::LedgerSnapshots>(&(vault, seq)).unwrap().finality.unwrap();
    assert_eq!((of(&machine, 2).height, of(&machine, 3).height), (Height::new(5), Height::new(6)));
    assert_eq!(machine.totals().outbox, 0);
}

#[test]
fn the_trusted_validators_follow_hand_overs() {
    let (mut machine, _) = Machine::ready();
    let (old, new) = (validators(&[30]), validators(&[31, 32, 33, 34]));
    let record = |(header, certificate, proofs), next_validators| Command::FinalityRecord {
        header,
        certificate,
        proofs,
        next_validators,
    };
    let handover = || block(7, &[], &[30], &new);
    let field = "next validators";
    assert!(is_invalid(&machine.refused(BY_MEMBER, record(handover(), None)), field));
    assert!(is_invalid(&machine.refused(BY_MEMBER, record(handover(), Some(old.clone()))), field));
    let quiet = block(6, &[], &[30], &old);
    assert!(is_invalid(&machine.refused(BY_MEMBER, record(quiet, Some(new.clone()))), field));
    machine.done(BY_MEMBER, record(handover(), Some(new.clone())));
    let trusted = machine.get::<schema::LedgerTrust>(&()).unwrap();
    assert_eq!((trusted.since, trusted.validators), (Height::new(8), new.clone()));
    let by_old = block(9, &[], &[30], &old);
    assert!(is_invalid(&machine.refused(BY_MEMBER, record(by_old, None)), "certificate"));
    let (header, _, proofs) = block(9, &[], &[31, 32, 33, 34], &new);
    let certificate = certify(&header, &[31, 32]);
    let by_few = (header, certificate, proofs);
    assert!(is_invalid(&machine.refused(BY_MEMBER, record(by_few, None)), "certificate"));
    machine.done(BY_MEMBER, record(block(9, &[], &[31, 32, 33, 34], &new), None));
}

#[test]
fn a_session_gives_the_same_outcome_again_and_never_does_a_thing_twice() {
    let (mut machine, vault) = Machine::ready();
    let pack = header(Policy::ERASURE, 1);
    let first = sign(BY_OWNER, pack_commit(vault, &pack, &[(0, 0), (1, 1), (2, 2), (3, 3)]), 1, 5);
    let outcome = machine.apply_signed(std::slice::from_ref(&first)).remove(0);
    machine.done(BY_OWNER, pack_commit(vault, &pack, &everywhere(&pack)));
    assert_eq!(machine.apply_signed(std::slice::from_ref(&first)).remove(0), outcome);
    assert_eq!(machine.apply_signed(&[first.clone(), first]), [outcome.clone(), outcome]);
    // The serial is taken, by this speaker only.
    let other = sign(BY_OWNER, announce(1), 1, 5);
    assert!(is_invalid(machine.apply_signed(&[other])[0].as_ref().unwrap_err(), "serial"));
    assert_eq!(machine.apply_signed(&[sign(BY_NODE, announce(6), 1, 5)]), [Ok(Applied::Done)]);
    // A refused command leaves its serial free.
    let early = sign(BY_OWNER, pack_commit(terms(2).vault(), &header(OTHER, 2), &[(0, 0)]), 1, 6);
    assert!(matches!(machine.apply_signed(std::slice::from_ref(&early))[0], Err(Refusal::UnknownVault { .. })));
    machine.done(BY_OWNER, register(terms(2), &OWNER));
    assert!(machine.apply_signed(&[early])[0].is_ok());
}

#[test]
fn sessions_are_bounded_in_depth_and_in_number() {
    let mut machine = Machine::new(Limits { session_window: 4, outcomes: 6, ..Limits::default() });
    let announce_in = |session, serial| sign(BY_NODE, announce(6), session, serial);
    for serial in 1..=5 {
        assert!(machine.apply_signed(&[announce_in(1, serial)])[0].is_ok());
    }
    let stale = Refusal::StaleSerial { oldest: 2, found: 1 };
    assert_eq!(machine.apply_signed(&[announce_in(1, 1)]), [Err(stale)]);
    assert!(machine.apply_signed(&[announce_in(1, 2)])[0].is_ok());
    for session in 2..=9 {
        assert!(machine.apply_signed(&[announce_in(session, 1), announce_in(session, 2)]).iter().all(Result::is_ok));
    }
    assert_eq!(machine.totals().outcomes, 6);
    let rows = |table: &str| machine.tables.dump().iter().filter(|(name, ..)| *name == table).count();
    assert_eq!(
        (rows("ledger-sessions"), rows("ledger-session-heads"), rows("ledger-session-order")),
        (6, 3, 3),
        "outcomes, sessions and order rows go together"
    );
}

#[test]
fn a_bad_signature_is_nobodys() {
    let (mut machine, vault) = Machine::ready();
    let mut signed = sign(BY_NODE, announce(3), 1, 1);
    signed.serial = 2;
    assert_eq!(machine.apply_signed(&[signed]), [Err(Refusal::BadSignature)]);
    // An account signature over another command names some other account, which may do nothing here.
    let pack = header(Policy::ERASURE, 1);
    let mut forged = sign(BY_OWNER, pack_commit(vault, &pack, &everywhere(&pack)), 1, 1);
    forged.serial = 2;
    assert!(is_not_allowed(machine.apply_signed(std::slice::from_ref(&forged))[0].as_ref().unwrap_err()));
    forged.signer = Signer::Account(EcdsaSignature::new([0; 65]));
    assert_eq!(machine.apply_signed(&[forged]), [Err(Refusal::BadSignature)]);
}

#[test]
fn a_batch_applies_or_refuses_each_of_its_commands() {
    let (mut machine, vault) = Machine::ready();
    let pack = |seed| header(Policy::ERASURE, seed);
    let mut bad = pack_commit(vault, &pack(2), &everywhere(&pack(2)));
    if let Command::PackCommit { acks, .. } = &mut bad {
        acks[3].signature = primitives::Ed25519Signature::new([0; 64]);
    }
    let commands = vec![
        pack_commit(vault, &pack(1), &everywhere(&pack(1))),
        bad,
        announce(3),
        Command::Batch { commands: Vec::new() },
        pack_commit(vault, &pack(3), &everywhere(&pack(3))),
    ];
    let batch = sign(BY_OWNER, Command::Batch { commands }, 1, 1);
    let outcome = machine.apply_signed(std::slice::from_ref(&batch)).remove(0).unwrap();
    let Applied::Batch { outcomes } = &outcome else { panic!("{outcome:?}") };
    assert!(matches!(
        outcomes.as_slice(),
        [
            Ok(Applied::Pack { .. }),
            Err(Refusal::BadAck { index: 3, .. }),
            Err(Refusal::NotAllowed { .. }),
            Err(Refusal::Invalid { .. }),
            Ok(Applied::Pack { .. })
        ]
    ));
    assert_eq!(machine.totals().packs, 2);
    assert_eq!(machine.apply_signed(&[batch]), [Ok(outcome)]);
    assert!(is_invalid(&machine.refused(BY_OWNER, Command::Batch { commands: Vec::new() }), "batch"));
    let many = vec![announce(1); 1025];
    assert!(is_invalid(&machine.refused(BY_NODE, Command::Batch { commands: many }), "batch"));
}
