//! Every kind of stanza, opened by whom it is for, and by nobody else.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use k256::{PublicKey, SecretKey};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;

const AAD: &[u8] = b"manifest of vault 7";

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(42)
}

fn owner(byte: u8) -> OwnerSecret {
    OwnerSecret::from_bytes(&[byte; 32]).unwrap()
}

fn passphrase(text: &str) -> Recipient {
    Recipient::Passphrase { passphrase: Zeroizing::new(text.to_owned()), cost: Argon2Cost::WEAK }
}

fn opened(stanzas: &[Stanza], identity: Identity<'_>) -> Result<[u8; 32], SealError> {
    unwrap(stanzas, &identity, AAD).map(|dek| *dek.expose())
}

#[test]
fn each_recipient_opens_its_own_stanza() {
    let (alice, bob, carol) = (owner(1), owner(2), XWingSecret::from_seed(&[3; 32]));
    let dek = Dek::generate(&mut rng());
    let recipients = [alice.recipient(), bob.x_wing().recipient(), carol.recipient(), passphrase("tree house")];
    let stanzas = wrap(&dek, &recipients, AAD, &mut rng()).unwrap();
    assert_eq!(stanzas.iter().map(|stanza| stanza.kind).collect::<Vec<_>>(), [1, 3, 3, 4]);
    assert_eq!(stanzas.iter().map(|stanza| stanza.args.len()).collect::<Vec<_>>(), [65, 1120, 1120, 28]);
    assert_eq!(stanzas.iter().map(|stanza| stanza.wrapped.len()).collect::<Vec<_>>(), [48, 48, 48, 92]);
    assert_eq!(stanzas.iter().map(Stanza::is_post_quantum).collect::<Vec<_>>(), [false, true, true, true]);

    assert_eq!(opened(&stanzas, Identity::Owner(&alice)), Ok(*dek.expose()));
    assert_eq!(opened(&stanzas, Identity::Owner(&bob)), Ok(*dek.expose()));
    assert_eq!(opened(&stanzas, Identity::XWing(&bob.x_wing())), Ok(*dek.expose()));
    assert_eq!(opened(&stanzas, Identity::XWing(&carol)), Ok(*dek.expose()));
    assert_eq!(opened(&stanzas, Identity::Passphrase("tree house")), Ok(*dek.expose()));

    let nobody = Err(SealError::NotARecipient { stanzas: 4 });
    assert_eq!(opened(&stanzas, Identity::Owner(&owner(9))), nobody);
    assert_eq!(opened(&stanzas, Identity::XWing(&owner(9).x_wing())), nobody);
    assert_eq!(opened(&stanzas, Identity::Passphrase("tree hose")), Err(SealError::WrongPassphrase));
    assert_eq!(opened(&stanzas[..1], Identity::Passphrase("tree house")), Err(SealError::NotARecipient { stanzas: 1 }));
}

#[test]
fn a_stanza_opens_only_for_the_place_it_was_made_for() {
    let (alice, carol) = (owner(1), XWingSecret::from_seed(&[3; 32]));
    let recipients = [alice.recipient(), carol.recipient(), passphrase("p")];
    let stanzas = wrap(&Dek::generate(&mut rng()), &recipients, AAD, &mut rng()).unwrap();
    for identity in [Identity::Owner(&alice), Identity::XWing(&carol), Identity::Passphrase("p")] {
        assert!(matches!(unwrap(&stanzas, &identity, b"elsewhere"), Err(SealError::Damaged { .. })), "{identity:?}");
    }
}

#[test]
fn every_flipped_bit_of_a_stanza_is_noticed() {
    let (alice, carol) = (owner(1), XWingSecret::from_seed(&[3; 32]));
    let identities = [Identity::Owner(&alice), Identity::XWing(&carol), Identity::Passphrase("p")];
    let recipients = [alice.recipient(), carol.recipient(), passphrase("p")];
    let stanzas = wrap(&Dek::generate(&mut rng()), &recipients, AAD, &mut rng()).unwrap();
    for (stanza, identity) in stanzas.iter().zip(&identities) {
        // Bits of the cost in a passphrase stanza ask for other work: they have a test of their own.
        let args = if stanza.kind == kind::PASSPHRASE { 16 } else { stanza.args.len() };
        for at in 0..args {
            let mut bad = stanza.clone();
            bad.args[at] ^= 1;
            assert!(unwrap(&[bad], identity, AAD).is_err(), "{identity:?} args {at}");
        }
        for at in 0..stanza.wrapped.len() {
            let mut bad = stanza.clone();
            bad.wrapped[at] ^= 0x80;
            assert!(unwrap(&[bad], identity, AAD).is_err(), "{identity:?} wrapped {at}");
            let mut short = stanza.clone();
            short.wrapped.truncate(at);
            assert!(unwrap(&[short], identity, AAD).is_err(), "{identity:?} cut {at}");
        }
    }
}

#[test]
fn recipients_that_nobody_could_open_for_are_refused() {
    let dek = Dek::generate(&mut rng());
    let good = owner(1).public_key();
    let (mut off_curve, mut hybrid) = (good, good);
    off_curve[64] ^= 1;
    hybrid[0] = 6 + (good[64] & 1);
    for public in [off_curve, hybrid, [0; 65], [4; 65]] {
        let refused = wrap(&dek, &[Recipient::Account { public }], AAD, &mut rng());
        assert!(matches!(refused, Err(SealError::Recipient { .. })), "{public:?}");
    }
    for len in [0, 32, 1215, 1217] {
        let refused = wrap(&dek, &[Recipient::XWing { public: vec![1; len] }], AAD, &mut rng());
        assert!(matches!(refused, Err(SealError::Recipient { .. })), "{len}");
    }
    assert_eq!(wrap(&dek, &[], AAD, &mut rng()), Err(SealError::Recipients { found: 0, max: 64 }));
    let crowd = vec![owner(1).recipient(); 65];
    assert_eq!(wrap(&dek, &crowd, AAD, &mut rng()), Err(SealError::Recipients { found: 65, max: 64 }));
}

#[test]
fn costs_out_of_range_are_refused_when_writing_and_when_reading() {
    let dek = Dek::generate(&mut rng());
    let stanza = wrap(&dek, &[passphrase("p")], AAD, &mut rng()).unwrap().remove(0);
    for (memory_kib, passes, lanes) in [
        (Argon2Cost::MEMORY_KIB_MAX + 1, 1, 1),
        (u32::MAX, u32::MAX, u32::MAX),
        (64, 17, 1),
        (64, 0, 1),
        (64, 1, 0),
        (512, 1, 17),
        (7, 1, 1),
        (31, 1, 4),
    ] {
        let cost = Argon2Cost { memory_kib, passes, lanes };
        let recipient = Recipient::Passphrase { passphrase: Zeroizing::new("p".to_owned()), cost };
        assert!(matches!(wrap(&dek, &[recipient], AAD, &mut rng()), Err(SealError::Cost { .. })), "{cost:?}");
        let mut asking = stanza.clone();
        asking.args.truncate(16);
        asking.args.extend(cost.encode());
        assert!(matches!(opened(&[asking], Identity::Passphrase("p")), Err(SealError::Cost { .. })), "{cost:?}");
    }
    // Another cost within range is another key.
    let mut other = stanza;
    other.args.truncate(16);
    other.args.extend(Argon2Cost { passes: 2, ..Argon2Cost::WEAK }.encode());
    assert_eq!(opened(&[other], Identity::Passphrase("p")), Err(SealError::WrongPassphrase));
}

#[test]
fn the_standard_cost_is_rfc_9106s_second_option_and_works() {
    let cost = Argon2Cost::default();
    assert_eq!((cost.memory_kib, cost.passes, cost.lanes), (65_536, 3, 4));
    let dek = Dek::generate(&mut rng());
    let recipient = Recipient::Passphrase { passphrase: Zeroizing::new("p".to_owned()), cost };
    let stanzas = wrap(&dek, &[recipient], AAD, &mut rng()).unwrap();
    assert_eq!(opened(&stanzas, Identity::Passphrase("p")), Ok(*dek.expose()));
}

#[test]
fn stanzas_of_unknown_kinds_are_skipped() {
    let alice = owner(1);
    let dek = Dek::generate(&mut rng());
    let mut stanzas = wrap(&dek, &[alice.recipient()], AAD, &mut rng()).unwrap();
    stanzas.insert(0, Stanza { kind: 99, key_id: stanzas[0].key_id, args: vec![1, 2], wrapped: vec![3] });
    assert_eq!(opened(&stanzas, Identity::Owner(&alice)), Ok(*dek.expose()));
}

#[test]
fn key_ids_do_not_link_two_stanzas_of_one_recipient() {
    let (alice, mut rng) = (owner(1), rng());
    let dek = Dek::generate(&mut rng);
    let stanzas = wrap(&dek, &[alice.recipient(), alice.recipient()], AAD, &mut rng).unwrap();
    assert_ne!(stanzas[0].key_id, stanzas[1].key_id);
}

/// RFC 9180 as its text says, on other libraries than the code under test: DHKEM(secp256k1, HKDF-SHA256) with k256's point
/// multiplication and AWS-LC's HMAC and AES-GCM.
mod rfc9180 {
    use k256::elliptic_curve::point::AffineCoordinates;

    use super::*;

    fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
    }

    fn labeled_extract(suite: &[u8], salt: &[u8], label: &str, ikm: &[u8]) -> Vec<u8> {
        hmac(salt, &[b"HPKE-v1", suite, label.as_bytes(), ikm].concat())
    }

    /// HKDF-Expand for at most 32 bytes: one block.
    fn labeled_expand(suite: &[u8], prk: &[u8], label: &str, info: &[u8], len: u16) -> Vec<u8> {
        let info = [&len.to_be_bytes(), b"HPKE-v1".as_slice(), suite, label.as_bytes(), info, &[1]].concat();
        hmac(prk, &info)[..usize::from(len)].to_vec()
    }

    pub(super) fn open(secret: &[u8; 32], enc: &[u8], info: &[u8], aad: &[u8], ciphertext: &[u8]) -> Vec<u8> {
        let secret = SecretKey::from_slice(secret).unwrap();
        let ephemeral = PublicKey::from_sec1_bytes(enc).unwrap();
        let shared = (ephemeral.to_projective() * *secret.to_nonzero_scalar()).to_affine().x();
        let public = k256::ecdsa::VerifyingKey::from(secret.public_key()).to_encoded_point(false);
        let kem = b"KEM\x00\x16";
        let prk = labeled_extract(kem, b"", "eae_prk", &shared);
        let context = [enc, public.as_bytes()].concat();
        let shared = labeled_expand(kem, &prk, "shared_secret", &context, 32);

        let suite = b"HPKE\x00\x16\x00\x01\x00\x02";
        let psk_id_hash = labeled_extract(suite, b"", "psk_id_hash", b"");
        let info_hash = labeled_extract(suite, b"", "info_hash", info);
        let context = [&[0], psk_id_hash.as_slice(), &info_hash].concat();
        let secret = labeled_extract(suite, &shared, "secret", b"");
        let key = labeled_expand(suite, &secret, "key", &context, 32);
        let nonce = labeled_expand(suite, &secret, "base_nonce", &context, 12);
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&nonce).unwrap();
        let mut bytes = ciphertext.to_vec();
        key.open_in_place(nonce, Aad::from(aad), &mut bytes).unwrap().to_vec()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn account_stanzas_are_rfc_9180_and_open_for_any_key(secret in any::<[u8; 32]>(), dek in any::<[u8; 32]>(), seed in any::<u64>()) {
        prop_assume!(OwnerSecret::from_bytes(&secret).is_ok());
        let owner = OwnerSecret::from_bytes(&secret).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let stanzas = wrap(&Dek::from_bytes(&dek), &[owner.recipient()], AAD, &mut rng).unwrap();
        prop_assert_eq!(opened(&stanzas, Identity::Owner(&owner)), Ok(dek));
        let independently = rfc9180::open(&secret, &stanzas[0].args, HPKE_INFO, AAD, &stanzas[0].wrapped);
        prop_assert_eq!(independently, dek.to_vec());
    }

    #[test]
    fn arbitrary_stanzas_never_panic_and_never_open(
        kind in prop::sample::select(vec![1u8, 3]),
        args in prop::collection::vec(any::<u8>(), 0..1200),
        wrapped in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let alice = owner(1);
        let public = if kind == 1 { alice.public_key().to_vec() } else { alice.x_wing().public_key() };
        let key_id = Stanza::key_id_of(kind, &args, &public);
        let stanza = Stanza { kind, key_id, args, wrapped };
        prop_assert!(opened(&[stanza], Identity::Owner(&alice)).is_err());
    }
}
