//! Believing what the chain says.

use primitives::Height;
use primitives::ledger::Command;
use store::schema;

use super::{is_invalid, is_not_allowed};
use crate::testkit::*;

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
