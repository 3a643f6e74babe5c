//! The Ethereum side, as a wallet sees it: transfers, refusals in geth's words, blocks and receipts.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, Signature, TxKind, U256};
use e2e::Node;
use e2e::rpc::{quantity, result, rpc};
use primitives::{EcdsaSignature, Hash32};
use serde_json::{Value, json};

/// A wallet with the operator's key: the account that owns everything on a development network.
struct Wallet {
    secret: [u8; 32],
    url: String,
    chain_id: u64,
}

impl Wallet {
    fn operator(node: &Node) -> Self {
        let text = std::fs::read_to_string(node.data_dir().join("keys/operator.key")).unwrap();
        let secret = hex::decode(text.trim()).unwrap().try_into().unwrap();
        let chain_id = quantity(&result(node.url(), "eth_chainId", &json!([])));
        Self { secret, url: node.url().to_owned(), chain_id }
    }

    fn address(&self) -> String {
        format!("0x{}", primitives::Address::from_secret(&self.secret).unwrap())
    }

    fn nonce(&self) -> u64 {
        quantity(&result(&self.url, "eth_getTransactionCount", &json!([self.address(), "pending"])))
    }

    fn raw(&self, change: impl FnOnce(&mut TxEip1559)) -> String {
        let mut transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce: self.nonce(),
            gas_limit: 21_000,
            max_fee_per_gas: u128::from(quantity(&result(&self.url, "eth_gasPrice", &json!([])))),
            max_priority_fee_per_gas: 0,
            to: TxKind::Call(Address::repeat_byte(0x42)),
            value: U256::from(5),
            ..TxEip1559::default()
        };
        change(&mut transaction);
        let signature = EcdsaSignature::sign(&self.secret, &Hash32::new(transaction.signature_hash().0)).unwrap();
        let bytes = signature.as_bytes();
        let signature =
            Signature::new(U256::from_be_slice(&bytes[..32]), U256::from_be_slice(&bytes[32..64]), bytes[64] == 1);
        format!("0x{}", hex::encode(transaction.into_signed(signature).encoded_2718()))
    }

    fn send(&self, raw: &str) -> Value {
        rpc(&self.url, "eth_sendRawTransaction", &json!([raw]))
    }

    fn wait(&self, hash: &Value) -> Value {
        let receipt = || Some(result(&self.url, "eth_getTransactionReceipt", &json!([hash])));
        e2e::eventually(|| receipt().filter(|receipt| !receipt.is_null()), || format!("no receipt of {hash}"))
    }
}

#[test]
fn a_transfer_is_final_in_a_linked_chain() {
    let place = tempfile::tempdir().unwrap();
    let node = Node::start(&place.path().join("node"));
    let wallet = Wallet::operator(&node);
    let raw = wallet.raw(|_| {});
    let hash = wallet.send(&raw)["result"].clone();
    let receipt = wallet.wait(&hash);
    assert_eq!(receipt["status"], "0x1");
    let target = format!("{:?}", Address::repeat_byte(0x42));
    assert_eq!(result(node.url(), "eth_getBalance", &json!([target, "latest"])), "0x5");
    let found = result(node.url(), "eth_getTransactionByHash", &json!([hash]));
    assert_eq!(found["from"].as_str().unwrap().to_lowercase(), wallet.address());
    // Blocks are linked by their Ethereum hashes and can be read by hash.
    let block = result(node.url(), "eth_getBlockByNumber", &json!([receipt["blockNumber"], true]));
    assert_eq!(block["transactions"][0]["hash"], hash);
    let parent = result(node.url(), "eth_getBlockByHash", &json!([block["parentHash"], false]));
    assert_eq!(quantity(&parent["number"]) + 1, quantity(&block["number"]));
    assert_eq!(result(node.url(), "net_version", &json!([])), wallet.chain_id.to_string());
}

#[test]
fn bad_transactions_are_refused_in_geths_words() {
    let place = tempfile::tempdir().unwrap();
    let node = Node::start(&place.path().join("node"));
    let wallet = Wallet::operator(&node);
    let first = wallet.raw(|_| {});
    let hash = wallet.send(&first)["result"].clone();
    let _ = wallet.wait(&hash);
    let stranger = Wallet { secret: [9; 32], url: wallet.url.clone(), chain_id: wallet.chain_id };
    let cases = [
        ("replayed", first, "nonce too low"),
        ("another chain", wallet.raw(|tx| tx.chain_id += 1), "chain"),
        ("underfunded", stranger.raw(|_| {}), "insufficient funds for gas * price + value"),
        ("too little gas", wallet.raw(|tx| tx.gas_limit = 20_999), "intrinsic gas too low"),
        ("fee below the base fee", wallet.raw(|tx| tx.max_fee_per_gas = 0), "max fee per gas less than block base fee"),
        ("malformed", "0x02c0".to_owned(), ""),
        ("not hex", "0xzz".to_owned(), ""),
    ];
    for (what, raw, words) in cases {
        let answer = wallet.send(&raw);
        let error = answer.get("error").unwrap_or_else(|| panic!("{what} was accepted: {answer}"));
        assert!(error["message"].as_str().unwrap().contains(words), "{what}: {error}");
        assert!(error["code"].as_i64().unwrap() < 0, "{what}: {error}");
    }
    let unknown = rpc(node.url(), "eth_nonsense", &json!([]));
    assert_eq!(unknown["error"]["code"], -32601);
}
