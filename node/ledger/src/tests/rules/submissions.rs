//! Sessions, signatures and batches.

use primitives::ledger::{Applied, Command, Refusal, Signer};
use primitives::{EcdsaSignature, Policy};

use super::{is_invalid, is_not_allowed};
use crate::machine::Limits;
use crate::testkit::*;

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
    let mut machine = Machine::open(Limits { session_window: 4, outcomes: 6, ..Limits::default() });
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
fn a_batch_is_remembered_as_all_its_outcomes_and_not_at_all_when_nothing_was_applied() {
    let mut machine = Machine::open(Limits { outcomes: 10, ..Limits::default() });
    let before = machine.totals().outcomes;
    let batch =
        |volumes: &[u16]| Command::Batch { commands: volumes.iter().map(|volumes| announce(*volumes)).collect() };
    let stranger = sign(Who::Node(11), batch(&[1; 8]), 1, 1);
    let dump = machine.tables.dump();
    let outcomes = machine.apply_signed(&[stranger]);
    assert!(matches!(&outcomes[0], Ok(Applied::Batch { outcomes }) if outcomes.iter().all(Result::is_err)));
    assert_eq!(machine.tables.dump(), dump, "refused commands change nothing, in a batch too");
    machine.apply_signed(&[sign(BY_NODE, batch(&[1, 2, 3, 4]), 1, 1)]);
    assert_eq!(machine.totals().outcomes, before + 4);
    machine.apply_signed(&[sign(BY_NODE, batch(&[5, 6, 7]), 1, 2)]);
    machine.apply_signed(&[sign(BY_NODE, batch(&[1, 2, 3, 4]), 1, 3)]);
    assert_eq!(machine.totals().outcomes, 7, "the oldest entries make room for the newest");
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
