//! The relay's view of the chain: what is there, what is missing, and how it gets there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chain_spec::{ChainSpec, ClusterSpec};
use consensus::Consensus;
use ed25519_dalek::{Signer as _, SigningKey};
use eyre::{Result, WrapErr, bail, eyre};
use primitives::ledger::{CommitmentProof, VaultRecord, attestation_hash};
use primitives::{Address, Commitment, CommitmentHash, Ed25519Signature, Hash32, Height, MemberKey};
use runtime::{BlockContext, CallRequest, UnsignedTx};
use zeroize::Zeroizing;

use super::ledger_side::FinalityRecord;
use super::verdict::{self, Facts, Judged, Refused};

/// How long a transaction may take to be in a block before the relay looks again.
const INCLUSION_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct ChainSide {
    spec: Arc<ChainSpec>,
    consensus: Consensus,
    member: SigningKey,
    operator: Zeroizing<[u8; 32]>,
}

impl ChainSide {
    pub(super) fn new(
        spec: Arc<ChainSpec>,
        consensus: Consensus,
        member: SigningKey,
        operator: Zeroizing<[u8; 32]>,
    ) -> Self {
        Self { spec, consensus, member, operator }
    }

    /// Registers a vault, or finds that it is registered; the height of the block that did it.
    pub(super) async fn register(&self, vault: &VaultRecord) -> Result<Height> {
        let id = vault.terms.vault();
        if let Some(state) = runtime::vault(&self.consensus.chain().state(), &id)? {
            return Ok(state.registered_at);
        }
        let input = runtime::calls::register_for(&vault.terms, &vault.consent);
        self.send(runtime::VAULTS, input).await.wrap_err_with(|| format!("cannot register vault {id} on the chain"))?;
        let state = runtime::vault(&self.consensus.chain().state(), &id)?;
        state
            .map(|state| state.registered_at)
            .ok_or_else(|| eyre!("vault {id} is not on the chain after its registration"))
    }

    /// Those that are no leaves yet.
    pub(super) fn missing(&self, pending: &[Commitment]) -> Result<Vec<Commitment>> {
        let chain = self.consensus.chain();
        let mut missing = Vec::new();
        for commitment in pending {
            if chain.leaf_of(&commitment.hash())?.is_none() {
                missing.push(commitment.clone());
            }
        }
        Ok(missing)
    }

    /// Attests these commitments and brings them into a block; returns those that the chain refuses.
    pub(super) async fn commit(&self, commitments: &[Commitment]) -> Result<Vec<Refused>> {
        let cluster = self.cluster()?;
        let epoch =
            runtime::cluster(&self.consensus.chain().state(), &cluster.id)?.map_or(cluster.epoch, |state| state.epoch);
        let batch = usize::try_from(self.spec.params.batch_max)?.max(1);
        let mut refused = Vec::new();
        for items in commitments.chunks(batch) {
            let (items, left_out) = self.worth_sending(&cluster.id, epoch, items)?;
            refused.extend(left_out);
            if !items.is_empty() {
                let input = self.batch(&cluster.id, epoch, &items);
                self.send(runtime::SNAPSHOTS, input).await.wrap_err("cannot commit snapshots on the chain")?;
            }
        }
        Ok(refused)
    }

    /// What to do about refused commitments, each with whether the one before it is still to come. In this order: the
    /// chain's side of the [`Facts`] is read here, after the ledger's.
    pub(super) fn judge(&self, refused: Vec<Refused>, before_comes: Vec<bool>) -> Result<Judged> {
        let state = self.consensus.chain().state();
        let facts = |(refused, before_comes): (Refused, bool)| {
            let Commitment { vault, seq, .. } = refused.commitment;
            let at = |seq| runtime::commitment_at(&state, &vault, seq);
            // Two reads may see two blocks, so the place itself comes last: see `Facts`.
            let cluster = runtime::vault(&state, &vault)?.map(|vault| vault.cluster);
            let before = at(seq.saturating_sub(1))?.map(|entry| entry.hash);
            let here = at(seq)?.map(|entry| entry.hash);
            Ok((refused, Facts { before_comes, cluster, before, here }))
        };
        let cases = refused.into_iter().zip(before_comes).map(facts).collect::<Result<Vec<_>>>()?;
        Ok(verdict::judge(&self.cluster()?.id, cases))
    }

    /// The calldata of a batch with this member's word for it.
    fn batch(&self, cluster: &Hash32, epoch: u64, items: &[Commitment]) -> Vec<u8> {
        let hashes: Vec<CommitmentHash> = items.iter().map(Commitment::hash).collect();
        let message = attestation_hash(&self.spec.network, cluster, epoch, &hashes);
        let attestation = Ed25519Signature::new(self.member.sign(message.as_ref()).to_bytes());
        runtime::calls::commit_batch(cluster, epoch, items, &[(self.member_key(), attestation)])
    }

    /// Runs a batch dry and leaves out what the chain would leave out, such as the items of an owner who committed
    /// without the cluster: a fee would be paid for them again and again. Also those, with the chain's words.
    fn worth_sending(
        &self,
        cluster: &Hash32,
        epoch: u64,
        items: &[Commitment],
    ) -> Result<(Vec<Commitment>, Vec<Refused>)> {
        let chain = self.consensus.chain();
        let block = self.next_block()?;
        let input = self.batch(cluster, epoch, items);
        let request = CallRequest { to: Some(runtime::SNAPSHOTS), input, ..CallRequest::default() };
        let left_out = runtime::calls::left_out(&runtime::call(&self.spec, &chain.state(), &block, &request)?.logs);
        let (mut kept, mut refused) = (Vec::new(), Vec::new());
        for item in items {
            let hash = item.hash();
            match left_out.iter().find(|left| left.commitment == hash) {
                Some(left) => refused.push(Refused {
                    commitment: item.clone(),
                    reason: left.reason.clone(),
                    against_terms: left.against_terms,
                }),
                None => kept.push(item.clone()),
            }
        }
        Ok((kept, refused))
    }

    /// Proofs of those that are leaves, grouped by the block that made them so.
    pub(super) fn finality(&self, pending: &[Commitment]) -> Result<Vec<FinalityRecord>> {
        let chain = self.consensus.chain();
        let mut by_height: BTreeMap<Height, Vec<(&Commitment, u64)>> = BTreeMap::new();
        for commitment in pending {
            if let Some((leaf_index, height)) = chain.leaf_of(&commitment.hash())? {
                by_height.entry(height).or_default().push((commitment, leaf_index));
            }
        }
        let mut records = Vec::new();
        for (height, leaves) in by_height {
            let header = chain.header(height)?.ok_or_else(|| eyre!("block {height} has no header"))?;
            let certificate = chain.certificate(height)?.ok_or_else(|| eyre!("block {height} has no certificate"))?;
            let proofs = leaves
                .into_iter()
                .map(|(commitment, leaf_index)| {
                    let path = chain.inclusion(leaf_index, header.log_size)?;
                    Ok(CommitmentProof { vault: commitment.vault, seq: commitment.seq, leaf_index, path })
                })
                .collect::<Result<Vec<_>>>()?;
            let changes = header.next_validators != header.validators;
            let next_validators = if changes { chain.validators_at(height.next())? } else { None };
            records.push(FinalityRecord { header, certificate, proofs, next_validators });
        }
        Ok(records)
    }

    /// Sends a call from the operator account and waits until a block holds it.
    async fn send(&self, to: Address, input: Vec<u8>) -> Result<()> {
        let chain = self.consensus.chain();
        let from = Address::from_secret(&self.operator)?;
        let request = CallRequest { from, to: Some(to), input: input.clone(), ..CallRequest::default() };
        let estimate = runtime::estimate_gas(&self.spec, &chain.state(), &self.next_block()?, &request)?;
        if !estimate.success {
            bail!("the chain refuses it: {}", runtime::calls::describe_revert(&estimate.output));
        }
        let nonce = self.consensus.pending_nonce(&from)?;
        let raw = UnsignedTx { nonce, to, value: 0, input }.sign(&self.spec.params, &self.operator)?;
        let mut heads = self.consensus.head();
        let hash = self.consensus.submit(raw).await?;
        let included = async {
            loop {
                if let Some((height, position)) = chain.transaction(&hash)? {
                    return Ok::<_, eyre::Report>((height, position));
                }
                heads.changed().await.wrap_err("the chain has stopped")?;
            }
        };
        let (height, position) = tokio::time::timeout(INCLUSION_TIMEOUT, included)
            .await
            .wrap_err_with(|| format!("transaction {hash} is in no block after {} s", INCLUSION_TIMEOUT.as_secs()))??;
        let receipts = chain.receipts(height)?.ok_or_else(|| eyre!("block {height} has no receipts"))?;
        let receipt = receipts
            .get(usize::try_from(position)?)
            .ok_or_else(|| eyre!("block {height} has no receipt {position}"))?;
        if !receipt.success {
            bail!("the chain refused it: {}", runtime::calls::describe_revert(&receipt.output));
        }
        Ok(())
    }

    /// The block that a transaction sent now would be in.
    fn next_block(&self) -> Result<BlockContext> {
        let head = self.consensus.chain().head().ok_or_else(|| eyre!("the chain has no head"))?;
        Ok(BlockContext { height: head.height.next(), timestamp: head.timestamp, proposer: head.proposer })
    }

    /// The cluster that this node is a member of.
    fn cluster(&self) -> Result<&ClusterSpec> {
        let key = self.member_key();
        self.spec
            .clusters
            .iter()
            .find(|cluster| cluster.members.contains(&key))
            .ok_or_else(|| eyre!("this node's member key {key} is in none of the network's clusters"))
    }

    fn member_key(&self) -> MemberKey {
        MemberKey::new(self.member.verifying_key().to_bytes())
    }
}
