//! A pack on its way, as a chain of states that consume one another:
//! [`Sealed`] → [`Encoded`] → [`Placed`] → committed, which is a row of the index.

use std::sync::Mutex;

use coding::{Encoder, Shards, parity_bytes};
use primitives::ledger::Command;
use primitives::{PackHeader, PackId, Policy, ShardAck, ShardId, VaultId};
use seal::pack::{FrameEntry, SealedPack};

use crate::buffers::{Pool, Pooled};
use crate::index::{Kind, PackInfo, PackNumber};
use crate::{ClientError, NetworkInfo, Node, NodeError, Progress, ShardPlace};

/// Longest wait between two attempts, milliseconds.
const WAIT_MS_MAX: u64 = 5_000;
/// Times that one shard is sent before its place is given up: about 20 s, in which a node may restart.
const ATTEMPTS: u32 = 8;

/// A pack whose bytes are fixed.
pub(crate) struct Sealed {
    pub(crate) number: PackNumber,
    pub(crate) pack: SealedPack<Pooled>,
}

impl Sealed {
    /// Adds parity and names the shards.
    pub(crate) fn encode(self, policy: Policy, encoder: &mut Encoder, parity: &Pool) -> Result<Encoded, ClientError> {
        let Self { number, pack } = self;
        let failed = ClientError::internal("encoding a pack");
        let parity_len = parity_bytes(policy, pack.bytes().len()).map_err(|error| failed(&error))?;
        let mut buffer = (parity_len > 0).then(|| parity.take());
        let target = buffer.as_mut().map_or(&mut [][..], |buffer| &mut buffer.as_mut()[..parity_len]);
        encoder.encode_into(policy, pack.bytes(), target).map_err(|error| failed(&error))?;
        let header = Shards::new(policy, pack.bytes(), target).map_err(|error| failed(&error))?.header();
        Ok(Encoded { number, pack, parity: buffer, parity_len, id: header.id(), header, results: Mutex::default() })
    }
}

/// A pack with its shards, which are being sent.
pub(crate) struct Encoded {
    number: PackNumber,
    pack: SealedPack<Pooled>,
    parity: Option<Pooled>,
    parity_len: usize,
    id: PackId,
    header: PackHeader,
    results: Mutex<Vec<Result<ShardAck, NodeError>>>,
}

impl Encoded {
    pub(crate) fn width(&self) -> u8 {
        self.header.policy.width()
    }

    fn shard(&self, index: u8) -> Result<&[u8], ClientError> {
        let parity = self.parity.as_ref().map_or(&[][..], |buffer| &buffer.as_ref()[..self.parity_len]);
        let shards = Shards::new(self.header.policy, self.pack.bytes(), parity);
        let failed = ClientError::internal("cutting a pack into shards");
        let shards = shards.map_err(|error| failed(&error))?;
        Ok(shards.shard(index).expect("the caller counts to the width"))
    }

    /// Sends one shard.
    pub(crate) fn send(
        &self,
        index: u8,
        node: &dyn Node,
        network: &NetworkInfo,
        progress: &dyn Progress,
    ) -> Result<(), ClientError> {
        let bytes = self.shard(index)?;
        let id = &self.header.shards[usize::from(index)];
        let place = ShardPlace { pack: self.id, index, width: self.width(), shard: *id };
        let result = put(node, network, &place, bytes);
        if result.is_ok() {
            progress.transferred(u64::try_from(bytes.len()).unwrap_or(0));
        }
        self.results.lock().expect("no thread panics while it adds a result").push(result);
        Ok(())
    }

    /// Whether every shard was sent.
    pub(crate) fn is_sent(&self) -> bool {
        let results = self.results.lock().expect("no thread panics while it adds a result");
        results.len() == usize::from(self.width())
    }

    /// Goes on once every shard was sent; the buffers become free.
    ///
    /// Fewer acknowledgements than the write quorum are accepted down to `k`: the ledger marks the pack as degraded.
    pub(crate) fn placed(self) -> Result<Placed, ClientError> {
        let results = self.results.into_inner().expect("no thread panics while it adds a result");
        let (acks, kind, entries) = (collect(results, &self.header)?, self.pack.kind(), self.pack.into_parts().1);
        Ok(Placed { number: self.number, kind: kind.into(), entries, header: self.header, acks })
    }
}

/// The acknowledgements by index, when there are enough of them.
fn collect(results: Vec<Result<ShardAck, NodeError>>, header: &PackHeader) -> Result<Vec<ShardAck>, ClientError> {
    let mut acks = Vec::new();
    let mut last = None;
    for result in results {
        match result {
            Ok(ack) => acks.push(ack),
            Err(error) => last = Some(error),
        }
    }
    if acks.len() < usize::from(header.policy.data_shards()) {
        return Err(
            last.map_or_else(|| ClientError::damaged("the placement", "no acknowledgements"), ClientError::Node)
        );
    }
    acks.sort_by_key(|ack| ack.index);
    Ok(acks)
}

/// A pack whose shards are durable, but which nobody refers to yet.
pub(crate) struct Placed {
    pub(crate) number: PackNumber,
    kind: Kind,
    entries: Vec<FrameEntry>,
    header: PackHeader,
    acks: Vec<ShardAck>,
}

impl Placed {
    /// Bytes of all shards.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.header.stored_bytes()
    }

    /// What to tell the ledger.
    pub(crate) fn command(&self, vault: VaultId) -> Command {
        Command::PackCommit { vault, header: self.header.clone(), acks: self.acks.clone() }
    }

    /// What to put into the index once the ledger has recorded the pack.
    pub(crate) fn recorded(self) -> (PackInfo, Vec<FrameEntry>) {
        (PackInfo { id: self.header.id(), kind: self.kind, header: self.header }, self.entries)
    }
}

/// Sends a pack that is kept as whole copies, from one buffer, and waits for it.
pub(crate) fn place_copies(
    bytes: &[u8],
    policy: Policy,
    node: &dyn Node,
    network: &NetworkInfo,
) -> Result<Placed, ClientError> {
    let id = ShardId::of(bytes);
    let shard_len = u32::try_from(bytes.len()).map_err(|error| ClientError::damaged("the manifest", error))?;
    let header = PackHeader { policy, shard_len, shards: vec![id; usize::from(policy.width())] };
    header.check().map_err(|error| ClientError::damaged("the manifest", error))?;
    let pack = header.id();
    let results = std::thread::scope(|scope| {
        let place = |index| ShardPlace { pack, index, width: policy.width(), shard: id };
        let send = |index| scope.spawn(move || put(node, network, &place(index), bytes));
        let copies: Vec<_> = (0..policy.width()).map(send).collect();
        copies.into_iter().map(|copy| copy.join().unwrap_or_else(|_| Err(answer("sending it panicked")))).collect()
    });
    let acks = collect(results, &header)?;
    Ok(Placed { number: 0, kind: Kind::Manifest, entries: Vec::new(), header, acks })
}

/// Sends one shard until it is acknowledged, and checks the acknowledgement.
fn put(node: &dyn Node, network: &NetworkInfo, place: &ShardPlace, bytes: &[u8]) -> Result<ShardAck, NodeError> {
    let mut attempt = 1;
    loop {
        let error = match node.put_shard(place, bytes) {
            Ok(ack) if (ack.pack, ack.index, ack.shard) != (place.pack, place.index, place.shard) => {
                answer("it is for another shard")
            }
            Ok(ack) if ack.verify(&network.network).is_err() => answer("its signature does not verify"),
            Ok(ack) => return Ok(ack),
            Err(error) => error,
        };
        if !error.is_temporary() || attempt >= ATTEMPTS {
            return Err(error);
        }
        std::thread::sleep(std::time::Duration::from_millis((100 << attempt).min(WAIT_MS_MAX)));
        attempt += 1;
    }
}

fn answer(reason: &str) -> NodeError {
    NodeError::Answer { what: "a shard (the acknowledgement)".to_owned(), reason: reason.to_owned() }
}
