//! The log against published vectors and two independent implementations.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use primitives::LogHash;
use proptest::prelude::*;
use sha2_11::Sha256;
use tlog_tiles as tlog;

use super::super::{
    BatchVerifier, Frontier, Prover, consistency_path, inclusion_path, leaf_hash, stored_count, stored_index,
};
use super::*;

/// Sizes that are checked one by one.
const SIZES: u64 = 131;

struct Log {
    nodes: Vec<LogHash>,
    /// Roots by size.
    roots: Vec<LogHash>,
}

fn data(leaf: u64) -> Vec<u8> {
    format!("leaf {leaf}").into_bytes()
}

fn leaf(index: u64) -> LogHash {
    leaf_hash(&data(index))
}

fn log(size: u64) -> Log {
    let mut frontier = Frontier::new();
    let (mut nodes, mut roots) = (Vec::new(), vec![frontier.root()]);
    for index in 0..size {
        nodes.extend(frontier.push(leaf(index)).into_iter().map(|(_, hash)| hash));
        roots.push(frontier.root());
    }
    Log { nodes, roots }
}

struct Hashes<'a>(&'a [LogHash]);

impl tlog::HashReader for Hashes<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        Ok(indexes.iter().map(|index| oracle(self.0[usize::try_from(*index).unwrap()])).collect())
    }
}

fn oracle(hash: LogHash) -> tlog::Hash {
    tlog::Hash(hash.into())
}

fn ours(path: &[tlog::Hash]) -> Vec<LogHash> {
    path.iter().map(|hash| LogHash::new(hash.0)).collect()
}

fn bytes(path: &[LogHash]) -> Vec<u8> {
    path.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

#[test]
fn roots_are_those_of_the_published_vectors() {
    // The eight leaves and roots of the Certificate Transparency reference implementation's Merkle tree test.
    let leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::new();
    assert_eq!(frontier.root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (leaf, root) in leaves.iter().zip(roots) {
        frontier.push(leaf_hash(&hex::decode(leaf).unwrap()));
        assert_eq!(frontier.root().to_string(), root);
    }
}

#[test]
fn stored_places_are_those_of_tlog() {
    for level in 0..12u8 {
        for index in 0..200 {
            assert_eq!(stored_index(level, index), tlog::stored_hash_index(level, index));
        }
    }
    for size in 0..1000 {
        assert_eq!(stored_count(size), tlog::stored_hash_count(size));
    }
    assert_eq!(stored_index(255, u64::MAX), u64::MAX);
}

#[test]
fn inclusion_proofs_are_those_of_two_other_implementations() {
    let log = log(SIZES);
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=SIZES {
        other.push(data(size - 1));
        let root = log.roots[usize::try_from(size).unwrap()];
        assert_eq!(other.root().as_bytes().as_slice(), root.as_ref());
        assert_eq!(tlog::tree_hash(size, &Hashes(&log.nodes)).unwrap(), oracle(root));
        let other_root = RootHash::<Sha256>::new((*root.as_bytes()).into(), size);
        let prover = Prover::new(log.nodes.as_slice(), size).unwrap();
        assert_eq!(prover.root(), root);
        for index in 0..size {
            let path = inclusion_path(log.nodes.as_slice(), index, size).unwrap();
            assert_eq!(prover.inclusion(index).unwrap(), path);
            verify_inclusion(&leaf(index), index, size, &path, &root).unwrap();
            let theirs = tlog::prove_record(size, index, &Hashes(&log.nodes)).unwrap();
            assert_eq!(ours(&theirs), path, "size {size} leaf {index}");
            let theirs = other.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(theirs.as_bytes(), bytes(&path));
            let proof = InclusionProof::<Sha256>::try_from_bytes(bytes(&path)).unwrap();
            other_root.verify_inclusion(&data(index), index, &proof).unwrap();
        }
    }
}

#[test]
fn consistency_proofs_are_those_of_two_other_implementations() {
    let log = log(SIZES);
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for new in 1..=SIZES {
        other.push(data(new - 1));
        let new_root = log.roots[usize::try_from(new).unwrap()];
        for old in 0..=new {
            let old_root = log.roots[usize::try_from(old).unwrap()];
            let path = consistency_path(log.nodes.as_slice(), old, new).unwrap();
            verify_consistency(old, &old_root, new, &new_root, &path).unwrap();
            if old == 0 || old == new {
                assert!(path.is_empty());
                continue;
            }
            let theirs = tlog::prove_tree(new, old, &Hashes(&log.nodes)).unwrap();
            assert_eq!(ours(&theirs), path, "from {old} to {new}");
            let theirs = other.prove_consistency(usize::try_from(new - old).unwrap());
            assert_eq!(theirs.as_bytes(), bytes(&path));
            let proof = ConsistencyProof::<Sha256>::try_from_bytes(bytes(&path)).unwrap();
            RootHash::<Sha256>::new((*new_root.as_bytes()).into(), new)
                .verify_consistency(&RootHash::new((*old_root.as_bytes()).into(), old), &proof)
                .unwrap();
        }
    }
}

/// Every way to alter a path that a prover in bad faith would try first.
fn altered(path: &[LogHash]) -> Vec<Vec<LogHash>> {
    let mut all = Vec::new();
    for position in 0..path.len() {
        let mut flipped = path.to_vec();
        let mut hash = *flipped[position].as_bytes();
        hash[position % 32] ^= 1 << (position % 8);
        flipped[position] = LogHash::new(hash);
        all.push(flipped);
        let mut shorter = path.to_vec();
        shorter.remove(position);
        all.push(shorter);
        let mut doubled = path.to_vec();
        doubled.insert(position, path[position]);
        all.push(doubled);
    }
    for extra in [LogHash::ZERO, empty_root()] {
        let mut longer = path.to_vec();
        longer.push(extra);
        all.push(longer);
    }
    if path.len() > 1 {
        all.push(path.iter().rev().copied().collect());
    }
    all
}

#[test]
fn altered_inclusion_proofs_are_refused() {
    let log = log(SIZES);
    for size in 1..=SIZES {
        let root = log.roots[usize::try_from(size).unwrap()];
        for index in 0..size {
            let path = inclusion_path(log.nodes.as_slice(), index, size).unwrap();
            let hash = leaf(index);
            for bad in altered(&path) {
                assert!(verify_inclusion(&hash, index, size, &bad, &root).is_err(), "size {size} leaf {index}");
            }
            for other in (0..=size).filter(|other| *other != index) {
                assert!(verify_inclusion(&hash, other, size, &path, &root).is_err());
            }
            for other in [size - 1, size + 1] {
                // A path that fits another size too leads to the same root only if it is the same tree.
                let same_shape = Climb::from_leaf(index, other).is_some_and(|climb| {
                    climb.map(|s| s.side).eq(Climb::from_leaf(index, size).unwrap().map(|s| s.side))
                });
                assert_eq!(verify_inclusion(&hash, index, other, &path, &root).is_ok(), same_shape);
            }
            assert!(verify_inclusion(&leaf(size), index, size, &path, &root).is_err());
            assert!(
                verify_inclusion(&hash, index, size, &path, &log.roots[usize::try_from(size - 1).unwrap()]).is_err()
            );
        }
        assert_eq!(
            verify_inclusion(&leaf(0), size, size, &[], &root),
            Err(ProofError::Index { index: size, count: size })
        );
    }
}

#[test]
fn altered_consistency_proofs_are_refused() {
    let log = log(70);
    let root = |size: u64| log.roots[usize::try_from(size).unwrap()];
    for new in 1..=70u64 {
        for old in 0..=new {
            let path = consistency_path(log.nodes.as_slice(), old, new).unwrap();
            for bad in altered(&path) {
                assert!(verify_consistency(old, &root(old), new, &root(new), &bad).is_err(), "from {old} to {new}");
            }
            let wrong = leaf(1_000);
            assert!(verify_consistency(old, &wrong, new, &root(new), &path).is_err());
            // The empty log proves nothing about what follows it.
            assert_eq!(verify_consistency(old, &root(old), new, &wrong, &path).is_err(), old != 0);
            if old != new {
                assert!(verify_consistency(new, &root(new), old, &root(old), &path).is_err());
            }
        }
    }
    assert!(verify_consistency(0, &empty_root(), 0, &leaf(0), &[]).is_err());
}

#[test]
fn paths_outside_the_log_are_errors() {
    let log = log(5);
    let nodes = log.nodes.as_slice();
    assert!(inclusion_path(nodes, 5, 5).is_err());
    assert!(inclusion_path(nodes, 0, 0).is_err());
    assert!(inclusion_path(nodes, 0, 6).is_err(), "a size that is not stored");
    assert!(consistency_path(nodes, 4, 3).is_err());
    assert!(consistency_path(nodes, 3, 9).is_err());
    assert!(Prover::new(nodes, 6).is_err());
    assert_eq!(Prover::new(nodes, 0).unwrap().root(), empty_root());
    assert!(Prover::new(nodes, 3).unwrap().inclusion(3).is_err());
}

#[test]
fn older_sizes_prove_from_a_longer_array() {
    let log = log(100);
    for size in 1..=100u64 {
        let path = inclusion_path(log.nodes.as_slice(), size / 2, size).unwrap();
        verify_inclusion(&leaf(size / 2), size / 2, size, &path, &log.roots[usize::try_from(size).unwrap()]).unwrap();
    }
}

#[test]
fn a_batch_verifier_agrees_with_the_plain_one() {
    let log = log(SIZES);
    for size in 1..=SIZES {
        let root = log.roots[usize::try_from(size).unwrap()];
        let mut batch = BatchVerifier::new(size, root);
        for index in (0..size).chain((0..size).rev()) {
            let path = inclusion_path(log.nodes.as_slice(), index, size).unwrap();
            for bad in altered(&path) {
                let plain = verify_inclusion(&leaf(index), index, size, &bad, &root);
                assert!(plain.is_err());
                assert_eq!(batch.verify(&leaf(index), index, &bad), plain);
            }
            assert!(batch.verify(&leaf(index + 1), index, &path).is_err());
            assert!(batch.verify(&leaf(index), index + 1, &path).is_err());
            batch.verify(&leaf(index), index, &path).unwrap();
        }
        assert!(batch.verify(&leaf(0), size, &[]).is_err());
    }
    assert!(BatchVerifier::new(0, empty_root()).verify(&leaf(0), 0, &[]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn large_logs_prove_what_they_hold(size in 1u64..5_000, at in any::<prop::sample::Index>(), old in any::<prop::sample::Index>()) {
        let log = log(size);
        let pick = |share: prop::sample::Index| u64::try_from(share.index(usize::try_from(size).unwrap())).unwrap();
        let (index, old) = (pick(at), pick(old) + 1);
        let root = |size: u64| log.roots[usize::try_from(size).unwrap()];
        let path = inclusion_path(log.nodes.as_slice(), index, size).unwrap();
        prop_assert!(verify_inclusion(&leaf(index), index, size, &path, &root(size)).is_ok());
        let path = consistency_path(log.nodes.as_slice(), old, size).unwrap();
        prop_assert!(verify_consistency(old, &root(old), size, &root(size), &path).is_ok());
    }
}
