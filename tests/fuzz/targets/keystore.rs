//! Keystore files and recovery phrases that people bring along.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = seal::keystore::address(text);
    let _ = seal::keystore::decrypt(text, "fuzz");
    if let Ok(secret) = seal::OwnerSecret::from_phrase(text) {
        let again = seal::OwnerSecret::from_phrase(&secret.phrase()).expect("a phrase reads what it wrote");
        assert_eq!(again.address(), secret.address());
    }
});
