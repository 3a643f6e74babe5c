//! What openraft calls our things.

use std::fmt;
use std::sync::Arc;

use openraft::alias::{EntryOf, LogIdOf, PayloadOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf, VoteOf};
use parity_scale_codec::{DecodeLimit, Encode};
use primitives::ledger::{Applied, Refusal, SignedCommand};
use primitives::{MemberKey, SignatureError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::checked::Checked;
use crate::snapshot::SnapshotFile;

/// Deepest nesting of an entry: list, batch, acknowledgement list.
const DEPTH_MAX: u32 = 32;

/// A member as Raft's membership records it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its key: who it is on the control swarm, and whose attestations the chain counts.
    pub key: MemberKey,
}

/// One Raft entry: commands that are made durable and applied together.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CommandBatch {
    /// The commands, in order.
    pub(crate) commands: Arc<[SignedCommand]>,
    /// What their signatures say, where this member has checked them already. Never leaves the process; who lacks
    /// it computes the same.
    pub(crate) checked: Option<Arc<[Result<Checked, SignatureError>]>>,
}

impl CommandBatch {
    /// Commands whose signatures are checked when they are applied.
    #[must_use]
    pub(crate) fn new(commands: Vec<SignedCommand>) -> Self {
        Self { commands: commands.into(), checked: None }
    }
}

impl fmt::Debug for CommandBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandBatch({} commands)", self.commands.len())
    }
}

impl fmt::Display for CommandBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} commands", self.commands.len())
    }
}

/// In the log and on the wire: SCALE of the commands as one byte string.
impl Serialize for CommandBatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.commands.encode())
    }
}

impl<'de> Deserialize<'de> for CommandBatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scale(deserializer).map(Self::new)
    }
}

/// The outcomes of an entry's commands, in order; empty for entries that hold none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes(pub(crate) Vec<Result<Applied, Refusal>>);

impl Serialize for Outcomes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.encode())
    }
}

impl<'de> Deserialize<'de> for Outcomes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scale(deserializer).map(Self)
    }
}

fn scale<'de, T: DecodeLimit, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Bytes<T>(std::marker::PhantomData<T>);
    impl<T: DecodeLimit> de::Visitor<'_> for Bytes<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("SCALE bytes")
        }

        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<T, E> {
            T::decode_all_with_depth_limit(DEPTH_MAX, &mut &*bytes).map_err(E::custom)
        }
    }
    deserializer.deserialize_bytes(Bytes(std::marker::PhantomData))
}

openraft::declare_raft_types!(
    /// The ledger's Raft.
    pub(crate) TypeConfig:
        D = CommandBatch,
        R = Outcomes,
        Node = Member,
        AsyncRuntime = openraft_rt_tokio::TokioRuntime,
);

pub(crate) type Raft = openraft::Raft<TypeConfig, crate::state::StateMachine>;
pub(crate) type LogId = LogIdOf<TypeConfig>;
pub(crate) type Vote = VoteOf<TypeConfig>;
pub(crate) type Entry = EntryOf<TypeConfig>;
pub(crate) type Payload = PayloadOf<TypeConfig>;
pub(crate) type StoredMembership = StoredMembershipOf<TypeConfig>;
pub(crate) type SnapshotMeta = SnapshotMetaOf<TypeConfig>;
pub(crate) type Snapshot = SnapshotOf<TypeConfig, SnapshotFile>;
