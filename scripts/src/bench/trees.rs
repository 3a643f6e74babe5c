//! The trees that are backed up: made anew, the same bytes for the same tree.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use eyre::Result;

/// A kind of tree.
pub(super) struct Tree {
    pub(super) name: &'static str,
    /// Runs of each operation; the table shows the median. What they write is kept until the end.
    pub(super) rounds: usize,
    make: fn(&Path) -> Result<()>,
}

impl Tree {
    /// Fills `root`.
    pub(super) fn make(&self, root: &Path) -> Result<()> {
        std::fs::create_dir_all(root)?;
        (self.make)(root)
    }
}

/// 512 MiB: half incompressible in files of 16 MiB, a quarter text in files of 1 MiB, 4,000 small files.
pub(super) const MIXED: Tree = Tree { name: "mixed 512 MiB", rounds: 3, make: mixed };
/// 50,000 files of 1 to 8 KiB in 500 directories.
pub(super) const SMALL: Tree = Tree { name: "50,000 small files", rounds: 3, make: |root| small(root, 500) };
/// 200,000 files of 1 to 8 KiB in 2,000 directories.
pub(super) const MANY: Tree = Tree { name: "200,000 small files", rounds: 1, make: |root| small(root, 2_000) };
/// One incompressible file of 5 GiB: a round writes 23 GiB.
pub(super) const LARGE: Tree = Tree { name: "one file of 5 GiB", rounds: 1, make: large };

fn mixed(root: &Path) -> Result<()> {
    for index in 0..18u64 {
        noise(&root.join(format!("photo {index}")), index, 16 << 20)?;
    }
    for index in 0..192u64 {
        text(&root.join(format!("log {index}")), 1_000 + index, 1 << 20)?;
    }
    let directory = root.join("mail");
    std::fs::create_dir_all(&directory)?;
    for index in 0..4_000u64 {
        text(&directory.join(format!("{index}.eml")), 10_000 + index, 2_000 + (index * 37) % 12_000)?;
    }
    Ok(())
}

fn small(root: &Path, directories: u64) -> Result<()> {
    for directory in 0..directories {
        let path = root.join(format!("{directory:03}"));
        std::fs::create_dir_all(&path)?;
        for index in 0..100u64 {
            let seed = directory * 100 + index;
            let length = 1_024 + (seed * 7_919) % 7_168;
            if seed % 2 == 0 {
                noise(&path.join(format!("{index}")), seed, length)?
            } else {
                text(&path.join(format!("{index}")), seed, length)?
            }
        }
    }
    Ok(())
}

fn large(root: &Path) -> Result<()> {
    noise(&root.join("disk.img"), 1, 5 << 30)
}

struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// xorshift64* (Vigna 2016).
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

fn noise(path: &Path, seed: u64, length: u64) -> Result<()> {
    let mut random = Random::new(seed);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut left = usize::try_from(length)?;
    while left > 0 {
        let word = random.next().to_le_bytes();
        let take = left.min(8);
        out.write_all(&word[..take])?;
        left -= take;
    }
    out.flush()?;
    Ok(())
}

const WORDS: [&str; 16] = [
    "snapshot",
    "the",
    "and",
    "restore",
    "of",
    "ledger",
    "2026-11-20T10:03:07Z",
    "INFO",
    "shard",
    "holder",
    "=",
    "finalized",
    "in",
    "node",
    "0x5f3a",
    "\n",
];

fn text(path: &Path, seed: u64, length: u64) -> Result<()> {
    let mut random = Random::new(seed);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut left = usize::try_from(length)?;
    while left > 0 {
        let number = random.next();
        let piece = if number.is_multiple_of(5) {
            format!("{} ", number >> 40)
        } else {
            format!("{} ", WORDS[usize::try_from(number >> 60)?])
        };
        let take = left.min(piece.len());
        out.write_all(&piece.as_bytes()[..take])?;
        left -= take;
    }
    out.flush()?;
    Ok(())
}
