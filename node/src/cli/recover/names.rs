//! Names in the target: of vaults' directories and of objects' files. None leaves its directory, no two are the same.

use std::collections::BTreeMap;

use client::VaultInfo;

/// Longest file name made of an object's key, bytes; file systems allow 255.
const NAME_BYTES_MAX: usize = 200;
/// Digits of a hash that tell names apart.
const DIGITS: usize = 16;

/// Directory of the snapshot's files and directory of the objects, for each vault's name. They depend on all vaults of
/// the account, not on which are restored: so that a second run finds what the first one made.
pub(super) fn directories(vaults: &[VaultInfo]) -> BTreeMap<String, (String, String)> {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for vault in vaults {
        let base = plain(&vault.name);
        // Capital letters are not told apart everywhere.
        *uses.entry(format!("{base}.objects").to_lowercase()).or_default() += 1;
        *uses.entry(base.to_lowercase()).or_default() += 1;
    }
    let distinct = |name: String, vault: &VaultInfo| {
        let digits = vault.vault.to_string();
        let once = uses.get(&name.to_lowercase()).is_some_and(|count| *count == 1);
        if once { name } else { format!("{name}-{}", digits.get(..DIGITS).unwrap_or(&digits)) }
    };
    vaults
        .iter()
        .map(|vault| {
            let base = plain(&vault.name);
            let objects = distinct(format!("{base}.objects"), vault);
            (vault.name.clone(), (distinct(base, vault), objects))
        })
        .collect()
}

/// A directory name for a vault: what would leave the directory is replaced.
fn plain(vault: &str) -> String {
    let name: String = vault.chars().map(|c| if c == '/' || c == '\0' { '_' } else { c }).collect();
    if name == "." || name == ".." { name.replace('.', "_") } else { name }
}

/// A file name for an object's key. Different keys get different names: `%` is escaped too, and only the names of keys
/// that are too long hold `%~`.
pub(super) fn object_file(key: &str) -> String {
    let mut name = String::new();
    for (index, c) in key.chars().enumerate() {
        if c == '/' || c == '%' || c.is_control() || (index == 0 && c == '.') {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                name.push_str(&format!("%{byte:02X}"));
            }
        } else {
            name.push(c);
        }
    }
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    let digits = primitives::keccak256(key.as_bytes()).to_string();
    let mut end = NAME_BYTES_MAX;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    format!("{name}%~{}", digits.get(..DIGITS).unwrap_or(&digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::{Policy, VaultId};

    fn vault(name: &str, id: u8) -> VaultInfo {
        VaultInfo {
            name: name.to_owned(),
            vault: VaultId::new([id; 32]),
            policy: Policy::ERASURE,
            retention_ms: 0,
            snapshots: 1,
            packs: 1,
            stored_bytes: 1,
            on_chain: None,
        }
    }

    #[test]
    fn directories_never_collide() {
        let names = ["papers", "papers.objects", "a/b", "a_b", "A_B", "..", "__"];
        let vaults: Vec<VaultInfo> = names.iter().zip(1..).map(|(name, id)| vault(name, id)).collect();
        let found = directories(&vaults);
        assert_eq!(found["papers"].0, "papers");
        let mut all: Vec<String> =
            found.values().flat_map(|(files, objects)| [files.to_lowercase(), objects.to_lowercase()]).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 2 * names.len(), "{found:?}");
        assert!(all.iter().all(|name| !name.contains('/') && name != ".."));
    }

    #[test]
    fn object_files_stay_in_their_directory_and_apart() {
        for (key, expected) in [
            ("shop.sql", "shop.sql"),
            ("2026/shop.sql", "2026%2Fshop.sql"),
            ("2026%2Fshop.sql", "2026%252Fshop.sql"),
            ("..", "%2E."),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("a\nb", "a%0Ab"),
            ("é", "é"),
        ] {
            assert_eq!(object_file(key), expected);
        }
        let (one, other) =
            (object_file(&format!("{}1", "é".repeat(300))), object_file(&format!("{}2", "é".repeat(300))));
        assert!(one != other && one.len() <= 255 && one.contains("%~"));
    }
}
