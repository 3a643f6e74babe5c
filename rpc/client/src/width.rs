//! Lengths in memory, which have the machine's width, and numbers in formats, which have their own.

const _: () = assert!(usize::BITS == 64, "whole packs and their parts are addressed in memory");

/// A length in memory as a number of 64 bits.
pub(crate) fn u64_of(len: usize) -> u64 {
    u64::try_from(len).expect("addresses have 64 bits")
}

/// A number of 32 bits as a length in memory.
pub(crate) fn usize_of(number: u32) -> usize {
    usize::try_from(number).expect("addresses have 64 bits")
}
