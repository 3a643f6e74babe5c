//! Transactions of any wallet: the envelope, then the call inside.
#![no_main]

use std::sync::LazyLock;

use chain_spec::{ChainSpec, DevKeys, Spec};
use libfuzzer_sys::fuzz_target;
use primitives::{Address, MemberKey, TimestampMs, ValidatorKey};

static SPEC: LazyLock<ChainSpec> = LazyLock::new(|| {
    // The base point of Curve25519 in its Edwards form: a public key that nobody signs with here.
    let mut key = [0x66; 32];
    key[0] = 0x58;
    let (validator, member) = (ValidatorKey::new(key), MemberKey::new(key));
    let keys = DevKeys { validator, member, operator: Address::new([9; 20]), extra_allocations: Vec::new() };
    Spec::dev(keys, TimestampMs::new(1_790_000_000_000)).check().expect("the preset is sound")
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(checked) = runtime::check(&SPEC.params, bytes) {
        assert_eq!(checked.raw(), bytes);
        assert!(checked.cost_max().is_some(), "a checked transaction has a cost");
    }
    let _ = runtime::calls::describe_revert(bytes);
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(spec) = Spec::from_json(text)
    {
        let _ = spec.check();
    }
});
