//! Pins the bytes of `docs/spec/keys.md`, `stanzas.md`, `records.md` and `keystore.md`.
#![allow(clippy::unwrap_used, reason = "a test file: helpers may fail loudly too")]

use conformance::pinned;
use parity_scale_codec::Encode;
use primitives::VaultId;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use seal::keystore::{self, ScryptCost};
use seal::{
    Argon2Cost, Dek, Identity, OwnerSecret, Recipient, SealedEnvelope, Stanza, XWingSecret, open_record, seal_record,
    unwrap, wrap,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn owner(byte: u8) -> OwnerSecret {
    OwnerSecret::from_bytes(&[byte; 32]).unwrap()
}

#[test]
fn keys() {
    let vectors: Vec<Value> = [[1; 32], [0x7f; 32]]
        .into_iter()
        .map(|secret| {
            let owner = OwnerSecret::from_bytes(&secret).unwrap();
            let salt = owner.vault_salt("photos");
            let vault = VaultId::derive(owner.address(), &salt);
            let keys = owner.vault_keys(&vault);
            assert_eq!(OwnerSecret::from_phrase(&owner.phrase()).unwrap().expose(), &secret);
            json!({
                "secret": hex::encode(secret),
                "phrase": *owner.phrase(),
                "address": owner.address().to_string(),
                "publicKey": hex::encode(owner.public_key()),
                "vaultName": "photos",
                "vaultSalt": salt.to_string(),
                "vaultId": vault.to_string(),
                "chunkId": hex::encode(keys.chunk_id),
                "cdcSeed": keys.cdc_seed.to_string(),
                "dedupEpoch0": hex::encode(keys.dedup),
                "dedupEpoch1": hex::encode(*keys.dedup_epoch(1)),
                "meta": hex::encode(keys.meta),
                "content": hex::encode(keys.content),
                "pack": hex::encode(keys.pack),
                "object": hex::encode(keys.object),
                "objectName": "report.pdf",
                "objectKey": keys.object_key("report.pdf").to_string(),
                "xWingSeed": hex::encode(owner.x_wing().expose()),
                "xWingPublicKeyBlake3": blake3::hash(&owner.x_wing().public_key()).to_string(),
            })
        })
        .collect();
    let description = "Everything that follows from an owner's secret. `cdcSeed` is decimal.";
    pinned("seal-keys.json", &json!({"description": description, "spec": "docs/spec/keys.md", "vectors": vectors}));
}

fn stanza_json(stanza: &Stanza) -> Value {
    json!({
        "kind": stanza.kind,
        "keyId": hex::encode(stanza.key_id),
        "args": hex::encode(&stanza.args),
        "wrapped": hex::encode(&stanza.wrapped),
    })
}

#[test]
fn stanzas() {
    let (alice, carol, aad) = (owner(1), XWingSecret::from_seed(&[3; 32]), b"manifest of vault 7");
    let passphrase = |cost| Recipient::Passphrase { passphrase: Zeroizing::new("tree house".to_owned()), cost };
    let dek = Dek::from_bytes(&[0xd5; 32]);
    let recipients = [
        alice.recipient(),
        carol.recipient(),
        passphrase(Argon2Cost::WEAK),
        passphrase(Argon2Cost { memory_kib: 1024, passes: 2, lanes: 4 }),
    ];
    let stanzas = wrap(&dek, &recipients, aad, &mut rng(1)).unwrap();
    let identities = [
        Identity::Owner(&alice),
        Identity::XWing(&carol),
        Identity::Passphrase("tree house"),
        Identity::Passphrase("tree house"),
    ];
    for (stanza, identity) in stanzas.iter().zip(&identities) {
        let opened = unwrap(std::slice::from_ref(stanza), identity, aad).unwrap();
        assert_eq!(opened.expose(), dek.expose());
    }
    let opens_with = [
        json!({"secret": hex::encode(alice.expose())}),
        json!({"xWingSeed": hex::encode(carol.expose())}),
        json!({"passphrase": "tree house"}),
        json!({"passphrase": "tree house"}),
    ];
    let vectors: Vec<Value> = stanzas
        .iter()
        .zip(opens_with)
        .map(|(stanza, with)| json!({"opensWith": with, "stanza": stanza_json(stanza), "scale": hex::encode(stanza.encode())}))
        .collect();
    pinned(
        "seal-stanzas.json",
        &json!({
            "description": "One DEK, wrapped for an account, an X-Wing key and a passphrase.",
            "spec": "docs/spec/stanzas.md",
            "dek": hex::encode(dek.expose()),
            "aad": hex::encode(aad),
            "vectors": vectors,
        }),
    );
}

#[test]
fn records() {
    let key = [0x42; 32];
    let records: Vec<Value> = ["", "photos", &"long ".repeat(100)]
        .into_iter()
        .zip(1..)
        .map(|(plain, seed)| {
            let record = seal_record(&key, b"place", plain.as_bytes(), &mut rng(seed));
            assert_eq!(&**open_record(&key, b"place", &record).unwrap(), plain.as_bytes());
            json!({
                "key": hex::encode(key),
                "aad": hex::encode("place"),
                "plain": hex::encode(plain),
                "record": hex::encode(record),
            })
        })
        .collect();
    let (alice, bob) = (owner(1), owner(2));
    let recipients = [alice.recipient(), bob.x_wing().recipient()];
    let sealed = SealedEnvelope::seal(&recipients, b"vault name", b"photos", &mut rng(9)).unwrap();
    for owner in [&alice, &bob] {
        assert_eq!(&**sealed.open(&Identity::Owner(owner), b"vault name").unwrap(), b"photos");
    }
    pinned(
        "seal-records.json",
        &json!({
            "description": "Sealed records, and an envelope for the account of secret 01… and the X-Wing key of secret 02….",
            "spec": "docs/spec/records.md",
            "records": records,
            "envelope": {
                "secrets": [hex::encode(alice.expose()), hex::encode(bob.expose())],
                "aad": hex::encode("vault name"),
                "plain": hex::encode("photos"),
                "scale": hex::encode(sealed.encode()),
            },
        }),
    );
}

#[test]
fn written_key_files() {
    let cost = ScryptCost::new(1024, 8, 2).unwrap();
    let file = keystore::encrypt(&owner(0x11), "correct horse", cost, &mut rng(4));
    assert_eq!(keystore::decrypt(&file, "correct horse").unwrap().expose(), &[0x11; 32]);
    pinned(
        "seal-keystore-written.json",
        &json!({
            "description": "A key file as this program writes it; the file is text, byte for byte.",
            "spec": "docs/spec/keystore.md",
            "password": "correct horse",
            "secret": hex::encode([0x11; 32]),
            "file": file,
        }),
    );
}
