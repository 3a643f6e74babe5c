//! Checkpoint notes: the bytes that other tools expect, and what is refused.

use super::*;
use crate::testing::{cosigned, genesis, header, key, public, set, sign};

fn fixture() -> (NetworkId, Header, ValidatorSet) {
    let set = set(&[1, 2, 3, 4]);
    (genesis(&set).network(), header(7, 11, &set, &set), set)
}

#[test]
fn the_text_is_origin_size_and_root() {
    let (network, header, _) = fixture();
    let text = text(&network, &header);
    let lines: Vec<_> = text.split('\n').collect();
    assert_eq!(lines[0], format!("strongroom/{network}"));
    assert_eq!(lines[1], "11");
    assert_eq!(STANDARD.decode(lines[2]).unwrap(), header.log_root.as_bytes());
    assert_eq!(lines[3..], [""]);
    let parsed = tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).unwrap();
    assert_eq!((parsed.origin(), parsed.size(), parsed.hash().0), (lines[0], 11, *header.log_root.as_bytes()));
}

#[test]
fn signatures_are_counted_and_their_absence_is_no_error() {
    let (network, header, set) = fixture();
    let check = |note: &str| verify_checkpoint(&network, &header, &set, note);
    assert_eq!(check(&text(&network, &header)), Ok(Cosigners::default()));
    assert_eq!(
        check(&cosigned(&network, &header, &[1, 2, 4])),
        Ok(Cosigners { count: 3, power: 3, log_signatures: 1 })
    );
}

#[test]
fn a_cosignature_line_is_laid_out_as_c2sp_says() {
    // Key id, message and line by hand, from c2sp.org/tlog-cosignature, independent of the functions under test.
    let (network, header, _) = fixture();
    let name = format!("strongroom/{network}/{}", &public(&key(1)).to_string()[..16]);
    let mut hasher = <sha2::Sha256 as sha2::Digest>::new();
    sha2::Digest::update(&mut hasher, [name.as_bytes(), b"\n\x04", public(&key(1)).as_bytes()].concat());
    let id = sha2::Digest::finalize(hasher);
    let time = header.timestamp.get() / 1000;
    let root = STANDARD.encode(header.log_root);
    let message = format!("cosignature/v1\ntime {time}\nstrongroom/{network}\n11\n{root}\n");
    let mut bytes = id[..4].to_vec();
    bytes.extend(time.to_be_bytes());
    bytes.extend(sign(&key(1), message.as_bytes()).as_bytes());
    let line = format!("\u{2014} {name} {}\n", STANDARD.encode(bytes));
    let signature = sign(&key(1), &cosignature_bytes(&network, &header));
    assert_eq!(cosignature_line(&network, &header, &public(&key(1)), &signature), line);
}

#[test]
fn what_is_not_signed_by_validators_is_refused() {
    let (network, header, set) = fixture();
    let check = |note: &str| verify_checkpoint(&network, &header, &set, note).unwrap_err();
    let good = cosigned(&network, &header, &[1, 2, 4]);
    let text = text(&network, &header);
    assert!(matches!(check(""), CheckpointError::Text { .. }));
    assert!(matches!(check(&good.replace("\n11\n", "\n12\n")), CheckpointError::Text { .. }));
    assert!(matches!(check(good.trim_end()), CheckpointError::Text { .. }));
    assert!(matches!(check(&format!("{text}more\n")), CheckpointError::Text { .. }));
    assert!(matches!(check(&format!("{text}\n")), CheckpointError::Text { .. }));
    assert!(matches!(check(&format!("{text}\n\n")), CheckpointError::Line { .. }));
    assert!(matches!(check(&format!("{good}\n")), CheckpointError::Line { .. }));
    assert!(matches!(check(&good.replace("— ", "- ")), CheckpointError::Line { .. }));
    assert!(matches!(check(&good.replace("— ", "—  ")), CheckpointError::Line { .. }));
    assert!(matches!(check(&format!("{text}\n— name AA==\n")), CheckpointError::Line { .. }));
    let last = good.trim_end().rsplit('\n').next().unwrap();
    assert!(matches!(check(&format!("{good}{last}\n")), CheckpointError::Signer { .. }), "twice");
    assert!(matches!(check(&cosigned(&network, &header, &[1, 9])), CheckpointError::Signer { .. }));
    let other = header_at(&header, header.timestamp.get() + 1_000);
    let late = cosigned(&network, &other, &[1, 2]);
    assert!(matches!(check(&late), CheckpointError::Time { .. }));
    let line = cosignature_line(&network, &header, &public(&key(2)), &sign(&key(1), b"x"));
    assert!(matches!(check(&note(&network, &header, &[line])), CheckpointError::Signature { .. }));
    let many = vec![
        cosignature_line(
            &network,
            &header,
            &public(&key(2)),
            &sign(&key(2), &cosignature_bytes(&network, &header))
        );
        SIGNATURES_MAX + 1
    ];
    assert!(matches!(check(&note(&network, &header, &many)), CheckpointError::Signer { .. }));
}

fn header_at(header: &Header, timestamp: u64) -> Header {
    Header { timestamp: primitives::TimestampMs::new(timestamp), ..header.clone() }
}

#[test]
fn every_changed_byte_of_a_note_is_refused() {
    let (network, header, set) = fixture();
    let good = cosigned(&network, &header, &[1, 2, 4]).into_bytes();
    for position in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[position] ^= 1 << bit;
            if let Ok(note) = String::from_utf8(bytes) {
                assert!(verify_checkpoint(&network, &header, &set, &note).is_err(), "byte {position} bit {bit}");
            }
        }
    }
}
