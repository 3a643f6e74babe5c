//! The code as `docs/spec/coding.md` defines it: Lagrange interpolation over GF(2¹⁶), written for reading, not for speed, and
//! on nothing but the definition. What the fast code computes must be the same.

use primitives::Policy;

use crate::{Shards, encode};

/// `x¹⁶ + x⁵ + x³ + x² + 1`.
const POLYNOMIAL: u32 = 0x1_002D;
const CANTOR_BASIS: [u16; 16] = [
    0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012, 0x6C98, 0x10D8, 0x6A72, 0xB900, 0xFDB8, 0xFB34,
    0xFF38, 0x991E,
];

/// The field element that a symbol stands for.
fn element(symbol: u16) -> u16 {
    CANTOR_BASIS.iter().enumerate().filter(|(bit, _)| symbol >> bit & 1 == 1).fold(0, |sum, (_, basis)| sum ^ basis)
}

fn multiply(a: u16, b: u16) -> u16 {
    let (mut product, mut a) = (0u32, u32::from(a));
    for bit in 0..16 {
        if b >> bit & 1 == 1 {
            product ^= a;
        }
        a <<= 1;
        if a & 0x1_0000 != 0 {
            a ^= POLYNOMIAL;
        }
    }
    u16::try_from(product).unwrap()
}

/// `a^(2¹⁶−2)`.
fn invert(a: u16) -> u16 {
    (1..16)
        .fold((1u16, a), |(inverse, power), _| {
            let square = multiply(power, power);
            (multiply(inverse, square), square)
        })
        .0
}

/// The Lagrange basis polynomial of `own` over the points `first..first+count`, at the point `at`.
fn lagrange(own: u16, first: u16, count: u16, at: u16) -> u16 {
    (first..first + count).filter(|other| *other != own).fold(1, |product, other| {
        let factor = multiply(element(at ^ other), invert(element(own ^ other)));
        multiply(product, factor)
    })
}

/// How much data symbol `i` counts in parity symbol `j`.
fn coefficient(k: u16, m: u16, i: u16, j: u16) -> u16 {
    let (k2, m2) = (k.next_power_of_two(), m.next_power_of_two());
    let high_rate = k2 > m2 || k2 == m2 && k <= m;
    if high_rate {
        // Parity at 0.., data from m2 in groups of m2, each group a polynomial of its own.
        lagrange(m2 + i, m2 + i / m2 * m2, m2, j)
    } else {
        // Data at 0.., zeros up to k2, parity from k2.
        lagrange(i, 0, k2, k2 + j)
    }
}

/// Symbol `s` of a block of 64 bytes: 32 low bytes, then 32 high bytes.
fn symbol(block: &[u8], s: usize) -> u16 {
    u16::from_le_bytes([block[s], block[32 + s]])
}

#[test]
fn parity_is_what_the_specification_defines() {
    // Both rates, equal powers of two, several groups, a ragged last group.
    for (k, m) in [
        (4, 2),
        (8, 4),
        (6, 3),
        (2, 1),
        (2, 2),
        (3, 3),
        (3, 4),
        (4, 3),
        (5, 3),
        (3, 5),
        (2, 9),
        (10, 6),
        (17, 3),
        (64, 64),
    ] {
        let policy = Policy::new(k, m).unwrap();
        let mut pack = vec![0; 64 * usize::from(k)];
        blake3::Hasher::new().update(&[k, m]).finalize_xof().fill(&mut pack);
        let parity = encode(policy, &pack).unwrap();
        let shards = Shards::new(policy, &pack, &parity).unwrap();
        for j in 0..m {
            let weights: Vec<_> = (0..k).map(|i| coefficient(k.into(), m.into(), i.into(), j.into())).collect();
            for s in 0..32 {
                let sum = (0..k)
                    .zip(&weights)
                    .fold(0, |sum, (i, weight)| sum ^ multiply(element(symbol(shards.shard(i).unwrap(), s)), *weight));
                let found = element(symbol(shards.shard(k + j).unwrap(), s));
                assert_eq!(found, sum, "{policy} parity {j} symbol {s}");
            }
        }
    }
}
