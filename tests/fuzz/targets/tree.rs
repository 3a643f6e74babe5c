//! Directories and lists of pieces, as they are when a frame has been opened.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seal::tree::{DirectoryReader, DirectoryWriter, decode_list, encode_list};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(pieces) = decode_list(bytes) {
        assert_eq!(encode_list(&pieces), bytes, "two encodings of one list");
    }
    let Ok(reader) = DirectoryReader::new(bytes, None) else { return };
    let Ok(entries) = reader.collect::<Result<Vec<_>, _>>() else { return };
    let mut writer = DirectoryWriter::new();
    let mut chunks: Vec<Vec<u8>> = entries.iter().filter_map(|entry| writer.push(entry)).collect();
    chunks.extend(writer.finish());
    if let [chunk] = chunks.as_slice() {
        assert_eq!(chunk, bytes, "two encodings of one directory");
    }
});
