//! Running a call against a state without a transaction.

use chain_spec::ChainSpec;
use primitives::Address;

use crate::address::{SYSTEM_CONTRACTS, is_system_address};
use crate::contracts::{Env, SystemCall};
use crate::execute::{Ran, call_gas, run_call};
use crate::state::{Overlay, StateView, account, frontier};
use crate::{BlockContext, CallError, EventLog, TxError, gas};

/// A call that somebody would like to make; nothing is signed or paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallRequest {
    /// The caller; zero when nobody is named.
    pub from: Address,
    /// The callee; `None` would be a contract creation, which is refused.
    pub to: Option<Address>,
    /// Wei sent along; the caller must own them.
    pub value: u128,
    /// Calldata.
    pub input: Vec<u8>,
    /// Most gas; a block's gas when absent.
    pub gas: Option<u64>,
}

/// What the call would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOutcome {
    /// Whether it would have its effect.
    pub success: bool,
    /// ABI-encoded result or error.
    pub output: Vec<u8>,
    /// Gas that it takes, the transaction's own included: a transaction with this gas limit is enough.
    pub gas_used: u64,
    /// Events.
    pub logs: Vec<EventLog>,
}

/// Runs a call as a transaction in `block` would run, and forgets its changes.
///
/// # Errors
/// [`CallError::Refused`] for a call that no transaction can make, [`CallError::View`] when the state cannot be read.
pub fn call<V: StateView>(
    spec: &ChainSpec,
    view: &V,
    block: &BlockContext,
    request: &CallRequest,
) -> Result<CallOutcome, CallError> {
    let to = request.to.ok_or(TxError::Creation)?;
    if is_system_address(&to) && !SYSTEM_CONTRACTS.contains(&to) {
        return Err(TxError::Reserved { to }.into());
    }
    let limit = request.gas.unwrap_or(spec.params.block_gas_limit);
    let intrinsic = gas::intrinsic(&spec.params.gas, &request.input, None);
    if limit < intrinsic {
        return Err(TxError::IntrinsicGas { found: limit, needed: intrinsic }.into());
    }
    let balance = account(view, &request.from)?.balance;
    if request.value > balance {
        return Err(TxError::InsufficientFunds { balance, cost: request.value }.into());
    }
    let decoded = SystemCall::decode(&to, &request.input);
    let needed = intrinsic.saturating_add(call_gas(spec, decoded.as_ref()));
    let ran = match decoded {
        _ if needed > limit => Ran::failed(Vec::new()),
        None => Ran { success: true, output: Vec::new(), logs: Vec::new(), leaves: Vec::new() },
        Some(decoded) => {
            let (mut state, log) = (Overlay::new(view), frontier(view)?);
            let mut env = Env::new(spec, block, &mut state, &log, request.from);
            run_call(&mut env, decoded, request.value)?
        }
    };
    Ok(CallOutcome { success: ran.success, output: ran.output, gas_used: needed.min(limit), logs: ran.logs })
}

/// The gas limit that a transaction needs. Costs are known before a call runs, so that this is exact; what is asked for
/// above `request.gas` or a block's gas fails as the call itself would.
///
/// # Errors
/// As [`call`]. `success == false` in the outcome means that the call would fail, with its error in `output`.
pub fn estimate_gas<V: StateView>(
    spec: &ChainSpec,
    view: &V,
    block: &BlockContext,
    request: &CallRequest,
) -> Result<CallOutcome, CallError> {
    let limit = request.gas.unwrap_or(spec.params.block_gas_limit).min(spec.params.block_gas_limit);
    call(spec, view, block, &CallRequest { gas: Some(limit), ..request.clone() })
}
