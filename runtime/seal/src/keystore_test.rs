use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};

use super::*;

const VECTORS: &str = include_str!("../../../tests/conformance/vectors/seal-keystore.json");

fn owner() -> OwnerSecret {
    OwnerSecret::from_bytes(&[0x11; 32]).unwrap()
}

fn file() -> Value {
    let json = encrypt(&owner(), "pass", ScryptCost::WEAK, &mut ChaCha20Rng::seed_from_u64(7));
    serde_json::from_str(&json).unwrap()
}

/// Opens the file with `pointer` set to `value` (removed when `None`).
fn open_with(pointer: &str, value: Option<Value>) -> Result<OwnerSecret, KeystoreError> {
    let mut file = file();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = file.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => parent.insert(name.to_owned(), value),
        None => parent.remove(name),
    };
    decrypt(&file.to_string(), "pass")
}

#[test]
fn published_key_files_open() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let vectors = vectors["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let (json, password) = (vector["file"].to_string(), vector["password"].as_str().unwrap());
        let owner = decrypt(&json, password).unwrap_or_else(|error| panic!("{}: {error}", vector["name"]));
        assert_eq!(hex::encode(owner.expose()), vector["secret"].as_str().unwrap(), "{}", vector["name"]);
    }
}

#[test]
fn written_files_have_geths_shape_and_open() {
    let file = file();
    assert_eq!(file["version"], 3);
    assert_eq!(file["address"], owner().address().to_string());
    assert_eq!(file["crypto"]["kdf"], "scrypt");
    assert_eq!(file["crypto"]["kdfparams"]["dklen"], 32);
    assert_eq!(file["id"].as_str().unwrap().len(), 36);
    let text = file.to_string();
    assert_eq!(decrypt(&text, "pass").unwrap().expose(), owner().expose());
    assert_eq!(address(&text).unwrap(), Some(owner().address()));
    assert_eq!(decrypt(&text, "Pass").unwrap_err(), KeystoreError::WrongPassphrase);
    assert_eq!(decrypt(&text, "").unwrap_err(), KeystoreError::WrongPassphrase);
    assert_eq!((ScryptCost::default().n(), ScryptCost::default().r(), ScryptCost::default().p()), (1 << 18, 8, 1));
}

#[test]
fn every_field_is_checked_before_anything_is_computed() {
    assert!(open_with("/x-ethers", Some(json!({"any": "thing"}))).is_ok());
    assert!(open_with("/id", None).is_ok());
    assert!(open_with("/id", Some(json!("not a uuid"))).is_ok());
    assert!(open_with("/address", None).is_ok());
    assert!(open_with("/address", Some(json!(""))).is_ok());
    assert!(
        open_with("/address", Some(json!(format!("0x{}", owner().address()).to_uppercase().replace("0X", "0x"))))
            .is_ok()
    );
    assert!(open_with("/crypto/kdfparams/dklen", Some(json!(64))).is_ok());
    let other = Address::ZERO.to_string();
    assert!(matches!(open_with("/address", Some(json!(other))), Err(KeystoreError::Address { .. })));

    for field in
        ["/version", "/crypto", "/crypto/cipher", "/crypto/mac", "/crypto/kdfparams", "/crypto/cipherparams/iv"]
    {
        assert!(matches!(open_with(field, None), Err(KeystoreError::Malformed { .. })), "{field}");
        assert!(matches!(open_with(field, Some(json!([]))), Err(KeystoreError::Malformed { .. })), "{field}");
    }
    for field in ["n", "r", "p"] {
        let field = format!("/crypto/kdfparams/{field}");
        assert!(matches!(open_with(&field, None), Err(KeystoreError::Field { .. })), "{field}");
        assert!(matches!(open_with(&field, Some(json!(0))), Err(KeystoreError::Field { .. })), "{field}");
        assert!(matches!(open_with(&field, Some(json!(-1))), Err(KeystoreError::Malformed { .. })), "{field}");
    }
    for (field, value) in [
        ("/version", json!(1)),
        ("/version", json!(4)),
        ("/crypto/cipher", json!("aes-256-ctr")),
        ("/crypto/kdf", json!("argon2id")),
    ] {
        assert!(matches!(open_with(field, Some(value)), Err(KeystoreError::Unsupported { .. })), "{field}");
    }
    for (field, value) in [
        ("/crypto/cipherparams/iv", json!("00")),
        ("/crypto/cipherparams/iv", json!("0g".repeat(16))),
        ("/crypto/ciphertext", json!("")),
        ("/crypto/ciphertext", json!("00".repeat(33))),
        ("/crypto/mac", json!("00".repeat(31))),
        ("/crypto/kdfparams/dklen", json!(16)),
        ("/crypto/kdfparams/n", json!(3)),
        ("/crypto/kdfparams/n", json!(1)),
        ("/crypto/kdfparams/salt", json!("00".repeat(1025))),
        ("/address", json!("0x1234")),
    ] {
        assert!(matches!(open_with(field, Some(value)), Err(KeystoreError::Field { .. })), "{field}");
    }
    let long = "x".repeat(FILE_MAX + 1);
    assert!(matches!(decrypt(&long, ""), Err(KeystoreError::TooLong { .. })));
}

#[test]
fn files_that_ask_for_too_much_are_refused_at_once() {
    assert!(ScryptCost::new(1 << 20, 8, 1).is_ok());
    for (n, r, p) in
        [(1 << 21, 8, 1), (1 << 20, 8, 2), (1 << 63, 1, 1), (2, u32::MAX, u32::MAX), (1 << 62, u32::MAX, 1)]
    {
        assert!(matches!(ScryptCost::new(n, r, p), Err(KeystoreError::Cost { .. })), "{n} {r} {p}");
    }
    let mut file = file();
    file["crypto"]["kdf"] = json!("pbkdf2");
    file["crypto"]["kdfparams"] = json!({"c": 10_000_001, "dklen": 32, "prf": "hmac-sha256", "salt": "00"});
    assert!(matches!(decrypt(&file.to_string(), ""), Err(KeystoreError::Cost { .. })));
    file["crypto"]["kdfparams"]["c"] = json!(0);
    assert!(matches!(decrypt(&file.to_string(), ""), Err(KeystoreError::Field { .. })));
    file["crypto"]["kdfparams"]["c"] = json!(1);
    assert_eq!(decrypt(&file.to_string(), "").unwrap_err(), KeystoreError::WrongPassphrase);
    file["crypto"]["kdfparams"]["prf"] = json!("hmac-sha512");
    assert!(matches!(decrypt(&file.to_string(), ""), Err(KeystoreError::Unsupported { .. })));
}

#[test]
fn a_file_that_opens_but_holds_no_key_says_so() {
    let kdf = Kdf::Scrypt { cost: ScryptCost::WEAK, salt: vec![1; 32] };
    let derived = kdf.derive("pass");
    let mut ciphertext = [0; 32];
    apply_cipher(&derived, &[2; 16], &mut ciphertext);
    let mac = mac(&derived, &ciphertext);
    let cipher = Cipher { iv: [2; 16], ciphertext: ciphertext.to_vec(), mac };
    let json = File { address: None, cipher, kdf, id: uuid::Uuid::nil() }.to_json();
    assert_eq!(decrypt(&json, "pass").unwrap_err(), KeystoreError::NotAKey);
}

/// JSON values of every kind, nested a little.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9a-fx]{0,70}".prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn secrets_round_trip(bytes in any::<[u8; 32]>(), passphrase in ".{0,40}", seed in any::<u64>()) {
        prop_assume!(OwnerSecret::from_bytes(&bytes).is_ok());
        let owner = OwnerSecret::from_bytes(&bytes).unwrap();
        let json = encrypt(&owner, &passphrase, ScryptCost::WEAK, &mut ChaCha20Rng::seed_from_u64(seed));
        prop_assert_eq!(*decrypt(&json, &passphrase).unwrap().expose(), bytes);
    }

    #[test]
    fn a_field_of_any_value_never_panics_and_never_opens_another_key(
        field in prop::sample::select(vec![
            "/address", "/crypto", "/version", "/id", "/crypto/cipher", "/crypto/ciphertext", "/crypto/cipherparams",
            "/crypto/cipherparams/iv", "/crypto/kdf", "/crypto/kdfparams", "/crypto/mac", "/crypto/kdfparams/dklen",
            "/crypto/kdfparams/salt",
        ]),
        value in any_json(),
    ) {
        if let Ok(opened) = open_with(field, Some(value)) {
            prop_assert_eq!(*opened.expose(), *owner().expose());
        }
    }

    #[test]
    fn small_costs_never_panic(n in 0u64..64, r in 0u32..9, p in 0u32..9, dklen in 0u64..80) {
        let mut file = file();
        file["crypto"]["kdfparams"]["n"] = json!(n);
        file["crypto"]["kdfparams"]["r"] = json!(r);
        file["crypto"]["kdfparams"]["p"] = json!(p);
        file["crypto"]["kdfparams"]["dklen"] = json!(dklen);
        let opened = decrypt(&file.to_string(), "pass");
        prop_assert_eq!(opened.is_ok(), (n, r, p) == (2, 8, 1) && dklen >= 32);
    }

    #[test]
    fn a_changed_byte_never_panics_and_never_opens_another_key(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = file().to_string().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(text) = String::from_utf8(text) {
            // A changed digit in n may ask for real work: only files that stay cheap are opened.
            let cheap = File::from_json(&text).is_ok_and(|file| match file.kdf {
                Kdf::Scrypt { cost, .. } => cost.n() <= 1024 && cost.r() <= 64 && cost.p() <= 64,
                Kdf::Pbkdf2 { .. } => true,
            });
            if cheap && let Ok(opened) = decrypt(&text, "pass") {
                prop_assert_eq!(*opened.expose(), *owner().expose());
            }
        }
    }
}
