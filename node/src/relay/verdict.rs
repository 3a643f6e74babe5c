//! What becomes of a commitment that the chain refuses: the rules of `docs/spec/ledger.md` §13, on facts that others read.

use std::collections::{BTreeMap, HashSet};

use primitives::{Commitment, CommitmentHash, Hash32, VaultId};

/// What ledger and chain say about a refused commitment.
///
/// They move on while they are read. The order ledger, vault, place before, place itself makes a mixture harmless:
/// whatever happens in between shows a commitment further on its way, never less far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// Whether the one before it waits for the chain too, or is final: on this node's chain it may still appear.
    pub(super) before_comes: bool,
    /// The cluster that may commit for the vault; `None` = the chain does not know the vault.
    pub(super) cluster: Option<Hash32>,
    /// What the chain has at the place before.
    pub(super) before: Option<CommitmentHash>,
    /// What it has at the place itself.
    pub(super) here: Option<CommitmentHash>,
}

/// A commitment that the chain did not take when it was asked.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) commitment: Commitment,
    /// The chain's words.
    pub(super) reason: String,
    /// Whether the vault's terms on the chain refuse it.
    pub(super) against_terms: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is on the chain: somebody else brought it there.
    Recorded,
    /// The chain will never record it.
    Never,
    /// It may be taken later.
    NotYet,
}

/// What to do about refused commitments.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// The chain never takes these: vault, sequence number, the chain's words.
    pub(super) never: Vec<(VaultId, u64, String)>,
    /// Vaults to try again later, with the first commitment that was refused, and why.
    pub(super) later: BTreeMap<VaultId, (u64, String)>,
}

/// Judges what the chain refused; each vault's commitments in the order of its stream. `ours` is the relay's cluster.
pub(super) fn judge(ours: &Hash32, refused: impl IntoIterator<Item = (Refused, Facts)>) -> Judged {
    let mut judged = Judged::default();
    let mut broken = HashSet::new();
    for (Refused { commitment, reason, against_terms }, mut facts) in refused {
        let vault = commitment.vault;
        // What goes now no longer comes.
        facts.before_comes &= !broken.contains(&vault);
        match verdict(ours, &commitment, against_terms, &facts) {
            Verdict::Recorded => {}
            Verdict::Never => {
                broken.insert(vault);
                judged.never.push((vault, commitment.seq, reason));
            }
            Verdict::NotYet => {
                judged.later.entry(vault).or_insert((commitment.seq, reason));
            }
        }
    }
    judged
}

fn verdict(ours: &Hash32, commitment: &Commitment, against_terms: bool, facts: &Facts) -> Verdict {
    match (facts.here, facts.cluster) {
        (Some(here), _) if here == commitment.hash() => Verdict::Recorded,
        (Some(_), _) => Verdict::Never,
        (None, None) => Verdict::NotYet,
        (None, Some(cluster)) if cluster != *ours || against_terms => Verdict::Never,
        // The first of a stream stands on nothing.
        (None, Some(_)) if commitment.seq <= 1 => Verdict::NotYet,
        (None, Some(_)) => match facts.before {
            Some(before) if before == commitment.prev => Verdict::NotYet,
            None if facts.before_comes => Verdict::NotYet,
            _ => Verdict::Never,
        },
    }
}

#[cfg(test)]
#[path = "verdict_test.rs"]
mod tests;
