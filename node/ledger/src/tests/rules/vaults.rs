//! Opening vaults, announcing nodes and volumes.

use primitives::ledger::{Applied, Command, Refusal, VolumeInfo};
use primitives::{CommitmentHash, Height, Policy, VaultId, VolumeId};
use store::schema;

use super::{is_invalid, is_not_allowed};
use crate::machine::Limits;
use crate::testkit::*;

#[test]
fn a_vault_is_opened_once_by_its_owner_on_good_terms() {
    let mut machine = Machine::open(Limits::default());
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
    let mut machine = Machine::open(Limits { nodes: 1, ..Limits::default() });
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
}

#[test]
fn only_members_admit_nodes_and_only_admitted_nodes_announce() {
    let mut machine = Machine::open(Limits { nodes: 2, ..Limits::default() });
    assert!(is_not_allowed(&machine.refused(Who::Node(11), announce(1))));
    for stranger in [BY_OWNER, BY_NODE, Who::Node(11), Who::Member(21)] {
        assert!(is_not_allowed(&machine.refused(stranger, admit(11))));
    }
    machine.done(BY_MEMBER, admit(11));
    machine.done(Who::Node(11), announce(3));
    machine.done(BY_MEMBER, admit(11));
    assert_eq!((machine.totals().nodes, machine.totals().volumes), (2, 3));
    assert!(is_invalid(&machine.refused(BY_MEMBER, admit(12)), "node"));
}
