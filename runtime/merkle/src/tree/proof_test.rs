//! Trees against `rs_merkle`'s own verifier and against altered proofs.

use proptest::prelude::*;
use rs_merkle::MerkleProof;

use super::*;

fn leaves(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|index| format!("leaf {index}").into_bytes().repeat(index % 40)).collect()
}

/// The tree by its recursive definition, with none of the code under test but the hash keys.
fn recursive_root(leaves: &[Vec<u8>]) -> TreeRoot {
    fn top(leaves: &[Vec<u8>]) -> [u8; 32] {
        match leaves {
            [] => [0; 32],
            [leaf] => *blake3::keyed_hash(&blake3::derive_key("strongroom 2026 v1 tree leaf", &[]), leaf).as_bytes(),
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                let pair = [top(left), top(right)].concat();
                *blake3::keyed_hash(&blake3::derive_key("strongroom 2026 v1 tree node", &[]), &pair).as_bytes()
            }
        }
    }
    let mut bound = u64::try_from(leaves.len()).unwrap().to_le_bytes().to_vec();
    bound.extend(top(leaves));
    let key = blake3::derive_key("strongroom 2026 v1 tree root", &[]);
    TreeRoot::new(*blake3::keyed_hash(&key, &bound).as_bytes())
}

#[test]
fn every_leaf_of_every_size_proves_and_nothing_else_does() {
    for count in 1..=130usize {
        let leaves = leaves(count);
        let root = root(&leaves);
        assert_eq!(root, recursive_root(&leaves));
        let size = len(&leaves);
        for index in 0..count {
            let proof = prove(&leaves, index).unwrap();
            let at = u64::try_from(index).unwrap();
            proof.verify(&root, &leaves[index], at, size).unwrap();
            assert!(proof.verify(&root, b"another", at, size).is_err());
            assert!(proof.verify(&root, &leaves[index], at + 1, size).is_err());
            assert!(proof.verify(&root, &leaves[index], at, size + 1).is_err(), "the root binds the count");
            let mut longer = proof.path().to_vec();
            longer.push(Hash32::ZERO);
            assert_eq!(
                TreeProof::new(longer).verify(&root, &leaves[index], at, size),
                Err(ProofError::PathLength { expected: proof.path().len(), found: proof.path().len() + 1 })
            );
            if let Some((_, shorter)) = proof.path().split_first() {
                assert!(TreeProof::new(shorter.to_vec()).verify(&root, &leaves[index], at, size).is_err());
            }
        }
        assert!(prove(&leaves, count).is_none());
    }
}

#[test]
fn rs_merkle_alone_would_accept_a_surplus_hash_and_another_count() {
    // Why the verifier here is our own: if a new version of the library refuses these, this comment is to be revised.
    let leaves = leaves(7);
    let hashes: Vec<_> = leaves.iter().map(|leaf| TreeHasher::hash(leaf)).collect();
    let tree = build(&leaves);
    let mut surplus = tree.proof(&[2]).proof_hashes().to_vec();
    assert!(MerkleProof::<TreeHasher>::new(surplus.clone()).verify(tree.root().unwrap(), &[2], &[hashes[2]], 8));
    surplus.push([9; 32]);
    assert!(MerkleProof::<TreeHasher>::new(surplus).verify(tree.root().unwrap(), &[2], &[hashes[2]], 7));
}

#[test]
fn an_empty_tree_has_a_root_of_its_own() {
    let none: [&[u8]; 0] = [];
    assert_eq!(root(&none), recursive_root(&[]));
    assert!(prove(&none, 0).is_none());
    assert_ne!(root(&none), root(&[b""]));
    assert_ne!(root(&none), root(&[[0u8; 32]]));
}

#[test]
fn a_node_never_passes_for_a_leaf() {
    // A two-leaf tree, and a one-leaf tree whose leaf is the two hashes: equal without domain separation.
    let leaves = [b"a", b"b"];
    let pair = [TreeHasher::hash(b"a"), TreeHasher::hash(b"b")].concat();
    assert_ne!(
        TreeHasher::hash(&pair),
        TreeHasher::concat_and_hash(&TreeHasher::hash(b"a"), Some(&TreeHasher::hash(b"b")))
    );
    assert_ne!(root(&leaves), root(&[pair]));
}

#[test]
fn a_node_is_one_block_that_can_be_hashed_many_at_a_time() {
    let (left, right) = ([1u8; 32], [2u8; 32]);
    let pair: [u8; 64] = [left, right].concat().try_into().unwrap();
    let expected = *blake3::keyed_hash(&primitives::Domain::TreeNode.key(), &pair).as_bytes();
    assert_eq!(TreeHasher::concat_and_hash(&left, Some(&right)), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_list_proves_each_of_its_elements(leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..300), pick in any::<prop::sample::Index>()) {
        let index = pick.index(leaves.len());
        let proof = prove(&leaves, index).unwrap();
        let root = root(&leaves);
        prop_assert_eq!(root, recursive_root(&leaves));
        prop_assert!(proof.verify(&root, &leaves[index], u64::try_from(index).unwrap(), len(&leaves)).is_ok());
        for position in 0..proof.path().len() {
            let mut path = proof.path().to_vec();
            let mut bytes = *path[position].as_bytes();
            bytes[position % 32] ^= 0x10;
            path[position] = Hash32::new(bytes);
            let outcome = TreeProof::new(path).verify(&root, &leaves[index], u64::try_from(index).unwrap(), len(&leaves));
            let refused_by_root = matches!(outcome, Err(ProofError::Root { .. }));
            prop_assert!(refused_by_root);
        }
    }
}
