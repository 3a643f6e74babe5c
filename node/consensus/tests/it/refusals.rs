use std::sync::Arc;

use primitives::{Address, TimestampMs};

use super::support::{BALANCE, Node, now, spec_at, transfer};

/// Every refusal speaks geth's words, and leaves nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_do_not_fit_are_refused_in_geths_words() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Arc::new(spec_at(now()));
    let node = Node::start(dir.path(), &spec).await;
    let to = Address::new([9; 20]);
    let sent = transfer(&spec, 1, 0, to, 1);
    let hash = node.consensus.submit(sent.clone()).await.unwrap();
    node.settled(&hash).await;

    let mut foreign = spec_at(TimestampMs::new(1)).to_spec();
    foreign.chain_id += 1;
    let foreign = foreign.check().unwrap();
    let mut cheap = (*spec).clone();
    cheap.params.base_fee -= 1;
    let mut flipped = transfer(&spec, 1, 1, to, 1);
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let mut longer = transfer(&spec, 1, 1, to, 1);
    longer.push(0);
    let huge = vec![2; usize::try_from(spec.params.transaction_bytes_max).unwrap() + 1];
    let table = [
        (sent, "nonce too low: next nonce 1, tx nonce 0"),
        (transfer(&spec, 1, 500, to, 1), "nonce too high: next nonce 1, tx nonce 500"),
        (transfer(&spec, 1, 1, to, BALANCE), "insufficient funds for gas * price + value"),
        (transfer(&spec, 77, 0, to, 1), "insufficient funds for gas * price + value: balance 0"),
        (transfer(&foreign, 1, 1, to, 1), "invalid chain id for signer"),
        (transfer(&cheap, 1, 1, to, 1), "max fee per gas less than block base fee"),
        (longer, "could not be decoded"),
        (vec![0xf8, 0x6c], "could not be decoded: input too short"),
        (vec![0xc1, 0x01], "could not be decoded: these are not the nine fields of a legacy transaction"),
        (Vec::new(), "could not be decoded"),
        (huge, "oversized data"),
    ];
    for (raw, words) in table {
        let error = node.consensus.submit(raw).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error} should say {words}");
        assert_eq!(error.code(), -32000, "{error}");
    }
    // A flipped signature bit recovers another account or none: either way it is not taken.
    node.consensus.submit(flipped).await.unwrap_err();
    assert_eq!(node.consensus.pool_size(), (0, 0));
    assert_eq!(node.tip(), 1);

    let waiting = transfer(&spec, 1, 3, to, 1);
    node.consensus.submit(waiting.clone()).await.unwrap();
    assert_eq!(node.consensus.submit(waiting).await.unwrap_err().to_string(), "already known");
    let cheaper = node.consensus.submit(transfer(&spec, 1, 3, to, 2)).await.unwrap_err();
    assert!(cheaper.to_string().starts_with("replacement transaction underpriced"), "{cheaper}");
    node.stop().await;
}
