//! A key file that cannot be read is named and never taken for no key.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use e2e::Owner;

#[test]
fn a_damaged_key_file_is_named_and_no_new_key_is_offered() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path().join("alice");
    let owner = Owner::new(&home, "http://127.0.0.1:1");
    let phrase = owner.make_key();
    let path = std::fs::read_dir(home.join("keystore")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read_to_string(&path).unwrap();
    for damaged in ["", whole.get(..100).unwrap(), "{}"] {
        std::fs::write(&path, damaged).unwrap();
        for command in [vec!["backup", "v", "/etc/hostname"], vec!["key", "unlock"], vec!["key", "export"]] {
            let message = owner.run(&command).failed(1);
            assert!(message.contains(path.to_str().unwrap()) && message.contains("damaged"), "{message}");
            assert!(message.contains("key import --phrase") && message.contains("recover"), "{message}");
            assert!(!message.contains("key new"), "{message}");
        }
        let list = owner.run(&["key", "list"]).done();
        assert_eq!(list[0]["file"], path.to_str().unwrap(), "{list}");
        assert!(list[0]["damaged"].is_string() && list[0]["address"].is_null(), "{list}");
    }
    // What the message says helps.
    let _ = owner.run(&["key", "import", "--phrase", &phrase]).done();
    assert!(owner.run(&["key", "export", "--phrase"]).done()["phrase"] == phrase.as_str());

    let start = whole.find("\"mac\"").unwrap() + 8;
    let digit = whole.get(start..).unwrap().find(|c: char| c.is_ascii_hexdigit()).unwrap() + start;
    let other = if whole.get(digit..=digit) == Some("0") { "1" } else { "0" };
    let mut changed = whole;
    changed.replace_range(digit..=digit, other);
    let other_home = Owner::new(&place.path().join("bob"), "http://127.0.0.1:1");
    std::fs::create_dir_all(place.path().join("bob/keystore")).unwrap();
    std::fs::write(place.path().join("bob/keystore/key"), changed).unwrap();
    let message = other_home.run(&["key", "export"]).failed(1);
    assert!(message.contains("or the file is damaged"), "{message}");
}
