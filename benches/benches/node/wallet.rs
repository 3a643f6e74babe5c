//! What a wallet does: sign transfers, send them, ask for receipts.

use chain_spec::{ChainSpec, Spec};
use eyre::{Result, eyre};
use primitives::Address;
use runtime::UnsignedTx;
use serde_json::{Value, json};

use crate::http::Connection;

/// The network as a wallet knows it.
pub(crate) struct Chain {
    spec: ChainSpec,
}

impl Chain {
    pub(crate) fn of(connection: &mut Connection) -> Result<Self> {
        let genesis = connection.call("chain_getGenesis", &json!([]))?;
        let spec = Spec::from_json(&genesis["spec"].to_string())?.check()?;
        Ok(Self { spec })
    }

    /// A signed transfer of one account, as DATA.
    pub(crate) fn transfer(&self, secret: &[u8; 32], nonce: u64, to: Address, value: u128) -> Result<String> {
        let raw = UnsignedTx { nonce, to, value, input: Vec::new() }.sign(&self.spec.params, secret)?;
        Ok(format!("0x{}", hex::encode(raw)))
    }
}

/// Secret keys of accounts, the same in each run.
pub(crate) fn secret(number: u64) -> [u8; 32] {
    let mut secret = [3; 32];
    secret[..8].copy_from_slice(&(number + 1).to_be_bytes());
    secret
}

/// The next nonce of an account: everything before is final.
pub(crate) fn next_nonce(connection: &mut Connection, address: &Address) -> Result<u64> {
    quantity(&connection.call("eth_getTransactionCount", &json!([format!("0x{address}"), "latest"]))?)
}

pub(crate) fn quantity(value: &Value) -> Result<u64> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    Ok(u64::from_str_radix(digits.ok_or_else(|| eyre!("{value} is no QUANTITY"))?, 16)?)
}
