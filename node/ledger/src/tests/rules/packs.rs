//! Recording packs, their holders, and the objects that hold them.

use primitives::ledger::{Applied, Command, Holder, Refusal};
use primitives::{ObjectKey, PackId, Policy, VaultId, VolumeId};
use store::schema;

use super::{is_invalid, is_not_allowed};
use crate::testkit::*;

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
