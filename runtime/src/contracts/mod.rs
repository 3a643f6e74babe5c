//! The system contracts: one file each, one `match` over their calls.

mod attest;
mod clusters;
mod snapshots;
mod validators;
mod vaults;

use alloy_primitives::{B256, LogData};
use alloy_sol_types::{SolError, SolInterface};
use chain_spec::{ChainSpec, GasTable};
use merkle::log::Frontier;
use primitives::{Address, Commitment, Hash32};

use crate::abi::clusters::IClusters::IClustersCalls;
use crate::abi::snapshots::ISnapshots::ISnapshotsCalls;
use crate::abi::validators::IValidators::IValidatorsCalls;
use crate::abi::vaults::IVaults::{IVaultsCalls, MalformedCall, ValueNotAccepted};
use crate::address::{CLUSTERS, SNAPSHOTS, VALIDATORS, VAULTS};
use crate::state::Overlay;
use crate::{BlockContext, EventLog, ViewError};

pub(crate) use attest::hand_over_hash;
pub(crate) use snapshots::commitment_to;
pub(crate) use vaults::terms_to;

/// Why a call has no effect.
pub(crate) enum Abort {
    /// The caller's fault: an ABI-encoded error.
    Revert(Vec<u8>),
    /// Fatal.
    View(ViewError),
}

impl From<ViewError> for Abort {
    fn from(error: ViewError) -> Self {
        Self::View(error)
    }
}

/// An ABI-encoded error.
pub(crate) fn revert<E: SolError>(error: E) -> Abort {
    Abort::Revert(error.abi_encode())
}

/// What a running call sees and makes.
pub(crate) struct Env<'a, 'v> {
    pub(crate) spec: &'a ChainSpec,
    pub(crate) block: &'a BlockContext,
    pub(crate) state: &'a mut Overlay<'v>,
    pub(crate) caller: Address,
    /// The snapshot log before this call.
    pub(crate) log: &'a Frontier,
    pub(crate) logs: Vec<EventLog>,
    pub(crate) leaves: Vec<Commitment>,
}

impl<'a, 'v> Env<'a, 'v> {
    pub(crate) const fn new(
        spec: &'a ChainSpec,
        block: &'a BlockContext,
        state: &'a mut Overlay<'v>,
        log: &'a Frontier,
        caller: Address,
    ) -> Self {
        Self { spec, block, state, caller, log, logs: Vec::new(), leaves: Vec::new() }
    }

    /// Emits an event.
    fn emit(&mut self, address: Address, event: &LogData) {
        self.logs.push(EventLog {
            address,
            topics: event.topics().iter().map(|topic: &B256| Hash32::new(topic.0)).collect(),
            data: event.data.to_vec(),
        });
    }
}

/// A decoded call of a system contract.
pub(crate) enum SystemCall {
    Vaults(IVaultsCalls),
    Snapshots(ISnapshotsCalls),
    Clusters(IClustersCalls),
    Validators(IValidatorsCalls),
}

impl SystemCall {
    /// Decodes calldata. `None` when `to` is no system contract.
    pub(crate) fn decode(to: &Address, input: &[u8]) -> Option<Result<Self, Abort>> {
        match *to {
            VAULTS => Some(exact(input).map(Self::Vaults)),
            SNAPSHOTS => Some(exact(input).map(Self::Snapshots)),
            CLUSTERS => Some(exact(input).map(Self::Clusters)),
            VALIDATORS => Some(exact(input).map(Self::Validators)),
            _ => None,
        }
    }

    /// What the call costs besides its bytes: known before it runs.
    pub(crate) fn gas(&self, table: &GasTable) -> u64 {
        match self {
            Self::Vaults(call) => vaults::gas(call, table),
            Self::Snapshots(call) => snapshots::gas(call, table),
            Self::Clusters(call) => clusters::gas(call, table),
            Self::Validators(_) => table.view,
        }
    }

    /// Runs the call and returns its ABI-encoded result.
    pub(crate) fn run(self, env: &mut Env<'_, '_>, value: u128) -> Result<Vec<u8>, Abort> {
        if value != 0 {
            return Err(revert(ValueNotAccepted {}));
        }
        match self {
            Self::Vaults(call) => vaults::run(env, call),
            Self::Snapshots(call) => snapshots::run(env, call),
            Self::Clusters(call) => clusters::run(env, call),
            Self::Validators(call) => validators::run(env, &call),
        }
    }
}

/// Decodes calldata that is its call's one encoding. The ABI decoder alone accepts trailing bytes and aliased offsets;
/// encoding again closes that.
fn exact<C: SolInterface>(input: &[u8]) -> Result<C, Abort> {
    let malformed = || revert(MalformedCall {});
    let call = C::abi_decode_validate(input).map_err(|_| malformed())?;
    if call.abi_encode() == input { Ok(call) } else { Err(malformed()) }
}
