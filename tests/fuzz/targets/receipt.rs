//! Receipts: files from strangers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use verify::Receipt;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(receipt) = Receipt::parse(bytes) {
        // Whatever was read can be written and is read as the same again.
        let text = receipt.to_json();
        let again = Receipt::parse(text.as_bytes()).expect("a receipt reads what it wrote");
        assert_eq!(again.to_json(), text);
        let _ = receipt.verify(None);
    }
});
