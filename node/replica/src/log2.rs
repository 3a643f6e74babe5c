//! A logarithm without floating point: the same bits on every machine.

/// Fraction bits of [`neg_log2`].
const FRACTION: u32 = 32;

/// `log2(1 + i/1024)` for `i` in `0..=1024`, with 32 fraction bits: made by squaring, one bit of the result per step.
const TABLE: [u64; 1025] = {
    let mut table = [0; 1025];
    let mut i = 0;
    while i <= 1024 {
        // x in [1, 2], 62 fraction bits
        let mut x: u128 = (1 << 62) + ((i as u128) << 52);
        let mut log = 0;
        if x >= 2 << 62 {
            log = 1;
            x >>= 1;
        }
        let mut bit = 0;
        while bit < FRACTION {
            x = (x * x) >> 62;
            log <<= 1;
            if x >= 2 << 62 {
                log |= 1;
                x >>= 1;
            }
            bit += 1;
        }
        table[i] = log;
        i += 1;
    }
    table
};

/// `-log2(u / 2⁶⁴)` with 32 fraction bits, within 2·10⁻⁷; at most `64·2³²`, where 0 counts as 1.
pub(crate) fn neg_log2(u: u64) -> u64 {
    let u = u.max(1);
    let zeros = u.leading_zeros();
    // The bits behind the leading one.
    let mantissa = (u << zeros) << 1;
    let slot = usize::try_from(mantissa >> 54).unwrap_or(0);
    let rest = (mantissa << 10) >> 32;
    let (low, high) = (TABLE[slot], TABLE[slot + 1]);
    let fraction = low + (((high - low) * rest) >> 32);
    let whole = u64::from(63 - zeros) << FRACTION;
    (64 << FRACTION) - (whole + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn powers_of_two_are_exact_and_the_ends_are_right() {
        for bits in 0..64 {
            assert_eq!(neg_log2(1 << bits), (64 - bits) << 32);
        }
        assert_eq!(neg_log2(0), 64 << 32);
        assert!(neg_log2(u64::MAX) < 1 << 12);
    }

    proptest! {
        #[test]
        fn it_is_the_logarithm_and_never_grows(a: u64, b: u64) {
            #[expect(clippy::cast_precision_loss, reason = "compared with a tolerance")]
            let (found, exact) = (neg_log2(a) as f64 / 4_294_967_296.0, 64.0 - (a.max(1) as f64).log2());
            prop_assert!((found - exact).abs() < 3e-7, "{found} {exact}");
            prop_assert!(a > b || neg_log2(a) >= neg_log2(b));
        }
    }
}
