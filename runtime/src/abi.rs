//! The system contracts' interfaces, generated from `runtime/abi/*.sol`.
//!
//! The same files are what wallets and explorers load; [`SOURCES`] carries them inside the program.

// Generated code follows its generator's habits, not ours; the Solidity comments become its docs.
#![allow(
    missing_docs,
    unreachable_pub,
    unnameable_types,
    missing_debug_implementations,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    clippy::nursery
)]

/// `Vaults`.
pub mod vaults {
    alloy_sol_types::sol! {
        #![sol(all_derives)]
        "abi/IVaults.sol"
    }
}

/// `Snapshots`.
pub mod snapshots {
    alloy_sol_types::sol! {
        #![sol(all_derives)]
        "abi/ISnapshots.sol"
    }
}

/// `Clusters`.
pub mod clusters {
    alloy_sol_types::sol! {
        #![sol(all_derives)]
        "abi/IClusters.sol"
    }
}

/// `Validators`.
pub mod validators {
    alloy_sol_types::sol! {
        #![sol(all_derives)]
        "abi/IValidators.sol"
    }
}

/// File name and text of each interface.
pub const SOURCES: [(&str, &str); 4] = [
    ("IVaults.sol", include_str!("../abi/IVaults.sol")),
    ("ISnapshots.sol", include_str!("../abi/ISnapshots.sol")),
    ("IClusters.sol", include_str!("../abi/IClusters.sol")),
    ("IValidators.sol", include_str!("../abi/IValidators.sol")),
];
