//! The checked network description.

use parity_scale_codec::{Decode, Encode};
use primitives::{Address, GENESIS_VERSION, Genesis, Hash32, Header, MemberKey, NetworkId, TimestampMs, ValidatorSet};

use crate::{AllocationJson, ClusterJson, Params, ParamsJson, Spec, ValidatorJson};

/// A checked network: what [`Spec::check`] makes, and the only form that the runtime takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainSpec {
    /// Name of the network.
    pub name: String,
    /// Hash of [`ChainSpec::genesis`].
    pub network: NetworkId,
    /// Shared numbers.
    pub params: Params,
    /// Balances at genesis in wei, ascending by address, none zero; their sum fits in `u128`.
    pub allocations: Vec<(Address, u128)>,
    /// Validators at genesis.
    pub validators: ValidatorSet,
    /// Root clusters at genesis, ascending by id.
    pub clusters: Vec<ClusterSpec>,
    /// Time of the genesis block.
    pub timestamp: TimestampMs,
}

/// A checked root cluster.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ClusterSpec {
    /// The cluster's id, not zero.
    pub id: Hash32,
    /// Its first epoch.
    pub epoch: u64,
    /// Ed25519 public keys of its members, ascending, 1 to [`ClusterSpec::MEMBERS_MAX`].
    pub members: Vec<MemberKey>,
    /// Members that must attest, 1 to all of them.
    pub threshold: u32,
    /// The account that pays for its transactions.
    pub operator: Address,
}

impl ClusterSpec {
    /// Most members of a root cluster.
    pub const MEMBERS_MAX: usize = 64;
}

impl ChainSpec {
    /// The canonical bytes of the initial state (`docs/spec/chain-spec.md`): SCALE of allocations and clusters, in
    /// this order.
    #[must_use]
    pub fn state_bytes(&self) -> Vec<u8> {
        (&self.allocations, &self.clusters).encode()
    }

    /// The record whose hash is the network's id; a receipt carries it.
    #[must_use]
    pub fn genesis(&self) -> Genesis {
        Genesis {
            version: GENESIS_VERSION,
            name: self.name.clone(),
            chain_id: self.params.chain_id,
            timestamp: self.timestamp,
            validators: self.validators.hash(),
            params: self.params.hash(),
            state: Genesis::state_hash(&self.state_bytes()),
        }
    }

    /// The cluster with this id.
    #[must_use]
    pub fn cluster(&self, id: &Hash32) -> Option<&ClusterSpec> {
        self.clusters.iter().find(|cluster| cluster.id == *id)
    }

    /// Whether a header can be this network's genesis header: height 0 and the network id as parent.
    #[must_use]
    pub fn is_genesis(&self, header: &Header) -> bool {
        header.height.get() == 0 && header.parent.as_bytes() == self.network.as_bytes()
    }

    /// The JSON form, which checks back into the same network.
    #[must_use]
    pub fn to_spec(&self) -> Spec {
        let params = &self.params;
        Spec {
            name: self.name.clone(),
            chain_id: params.chain_id.get(),
            timestamp: self.timestamp.get(),
            params: ParamsJson {
                base_fee: params.base_fee,
                block_gas_limit: params.block_gas_limit,
                block_bytes_max: params.block_bytes_max,
                transaction_bytes_max: params.transaction_bytes_max,
                batch_max: params.batch_max,
                clock_skew_ms_max: params.clock_skew_ms_max,
                gas: params.gas,
            },
            allocations: self
                .allocations
                .iter()
                .map(|(address, balance)| AllocationJson {
                    address: format!("0x{address}"),
                    balance: balance.to_string(),
                })
                .collect(),
            validators: self
                .validators
                .members()
                .iter()
                .map(|validator| ValidatorJson { key: format!("0x{}", validator.key), power: validator.power })
                .collect(),
            clusters: self.clusters.iter().map(ClusterJson::from).collect(),
        }
    }
}

impl From<&ClusterSpec> for ClusterJson {
    fn from(cluster: &ClusterSpec) -> Self {
        Self {
            id: format!("0x{}", cluster.id),
            epoch: cluster.epoch,
            members: cluster.members.iter().map(|member| format!("0x{member}")).collect(),
            threshold: cluster.threshold,
            operator: format!("0x{}", cluster.operator),
        }
    }
}
