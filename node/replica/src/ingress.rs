//! Messages to the actor.

use primitives::{PackId, ShardId, VolumeId};

use crate::machine::Seen;

/// What others tell the actor.
#[derive(Debug)]
pub(crate) enum Message {
    /// A volume was used or looked at.
    Observed { volume: VolumeId, seen: Seen },
    /// A shard was found damaged; its file is set aside, its row unused.
    Gone { volume: VolumeId, shard: ShardId },
    /// A pack may lack shards.
    Damaged { pack: PackId, margin: i16 },
}
