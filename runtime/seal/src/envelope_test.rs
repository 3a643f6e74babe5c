use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::{OwnerSecret, XWingSecret};

const AAD: &[u8] = b"vault name";

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(5)
}

fn owner(byte: u8) -> OwnerSecret {
    OwnerSecret::from_bytes(&[byte; 32]).unwrap()
}

#[test]
fn sharing_and_dropping_keep_the_ciphertext() {
    let (alice, bob) = (owner(1), owner(2));
    let mine = SealedEnvelope::seal(&[alice.recipient()], AAD, b"photos", &mut rng()).unwrap();
    assert_eq!(&**mine.open(&Identity::Owner(&alice), AAD).unwrap(), b"photos");
    assert_eq!(mine.open(&Identity::Owner(&bob), AAD), Err(SealError::NotARecipient { stanzas: 1 }));

    let both = [alice.recipient(), bob.recipient()];
    let shared = mine.rewrap(&Identity::Owner(&alice), &both, AAD, &mut rng()).unwrap();
    assert_eq!(shared.ciphertext, mine.ciphertext);
    assert_eq!(&**shared.open(&Identity::Owner(&bob), AAD).unwrap(), b"photos");
    assert_eq!(&**shared.open(&Identity::Owner(&alice), AAD).unwrap(), b"photos");

    let dropped = shared.rewrap(&Identity::Owner(&bob), &[alice.recipient()], AAD, &mut rng()).unwrap();
    assert!(dropped.open(&Identity::Owner(&bob), AAD).is_err());
    assert!(mine.rewrap(&Identity::Owner(&bob), &both, AAD, &mut rng()).is_err());
}

#[test]
fn nobody_but_a_recipient_can_change_the_list_of_recipients() {
    let (alice, bob) = (owner(1), owner(2));
    let recipients = [alice.recipient(), bob.recipient()];
    let sealed = SealedEnvelope::seal(&recipients, AAD, b"photos", &mut rng()).unwrap();
    let damaged = Err(SealError::Damaged { what: "list of recipients" });

    let mut without = sealed.clone();
    without.stanzas.pop();
    assert_eq!(without.open(&Identity::Owner(&alice), AAD), damaged);
    let mut swapped = sealed.clone();
    swapped.stanzas.swap(0, 1);
    assert_eq!(swapped.open(&Identity::Owner(&alice), AAD), damaged);
    let mut other_mac = sealed;
    other_mac.mac[0] ^= 1;
    assert_eq!(other_mac.open(&Identity::Owner(&alice), AAD), damaged);
}

#[test]
fn every_flipped_bit_of_the_encoding_is_noticed() {
    let alice = owner(1);
    let bytes = SealedEnvelope::seal(&[alice.recipient()], AAD, b"photos", &mut rng()).unwrap().encode();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        let opened = SealedEnvelope::decode_exact(&bad).and_then(|sealed| sealed.open(&Identity::Owner(&alice), AAD));
        assert!(opened.is_err(), "byte {at}");
        assert!(SealedEnvelope::decode_exact(&bytes[..at]).is_err(), "cut at {at}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(SealedEnvelope::decode_exact(&longer).is_err());
    assert!(SealedEnvelope::decode_exact(&[&[2], &bytes[1..]].concat()).unwrap_err().to_string().contains("version 2"));
    assert_eq!(SealedEnvelope::decode_exact(&bytes).unwrap().encode(), bytes);
}

#[test]
fn an_envelope_is_post_quantum_when_all_of_it_is() {
    let (alice, carol) = (owner(1), XWingSecret::from_seed(&[3; 32]));
    let of = |recipients: &[Recipient]| SealedEnvelope::seal(recipients, AAD, b"", &mut rng()).unwrap();
    assert!(of(&[carol.recipient()]).is_post_quantum());
    assert!(!of(&[carol.recipient(), alice.recipient()]).is_post_quantum());
    assert_eq!(&**of(&[alice.x_wing().recipient()]).open(&Identity::Owner(&alice), AAD).unwrap(), b"");
}

#[test]
fn a_ciphertext_of_another_envelope_does_not_open() {
    let alice = owner(1);
    let mut rng = rng();
    let one = SealedEnvelope::seal(&[alice.recipient()], AAD, b"one", &mut rng).unwrap();
    let two = SealedEnvelope::seal(&[alice.recipient()], AAD, b"two", &mut rng).unwrap();
    let mixed = SealedEnvelope { ciphertext: two.ciphertext, ..one };
    assert_eq!(mixed.open(&Identity::Owner(&alice), AAD), Err(SealError::WrongKey { what: "record" }));
}

#[test]
fn crowds_and_nobody_are_refused_when_decoding() {
    let mut sealed = SealedEnvelope::seal(&[owner(1).recipient()], AAD, b"", &mut rng()).unwrap();
    sealed.stanzas = vec![sealed.stanzas[0].clone(); 65];
    assert_eq!(SealedEnvelope::decode_exact(&sealed.encode()), Err(SealError::Recipients { found: 65, max: 64 }));
    sealed.stanzas.clear();
    assert_eq!(SealedEnvelope::decode_exact(&sealed.encode()), Err(SealError::Recipients { found: 0, max: 64 }));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 1..400)) {
        bytes[0] = 1;
        if let Ok(sealed) = SealedEnvelope::decode_exact(&bytes) {
            prop_assert!(sealed.open(&Identity::Owner(&owner(1)), AAD).is_err());
        }
    }
}
