//! Every rule and every refusal.

mod finality;
mod packs;
mod snapshots;
mod submissions;
mod vaults;

use primitives::ledger::Refusal;

fn is_invalid(refusal: &Refusal, field: &str) -> bool {
    matches!(refusal, Refusal::Invalid { what, .. } if what == field)
}

fn is_not_allowed(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::NotAllowed { .. })
}
