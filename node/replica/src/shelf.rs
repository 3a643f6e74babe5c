//! All volumes of the node: which there are, which there were, and opening them at start.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use parity_scale_codec::{Decode, Encode};
use primitives::{NetworkId, NodeKey, VolumeId};
use rustix::io::Errno;
use store::{Buffers, Volume, VolumeError, VolumeMarker};

use crate::fill::Purpose;
use crate::index::Index;
use crate::shared::on_disk;
use crate::slot::Slot;
use crate::{ReplicaError, VolumeState};

/// Name of the fact that remembers all volumes.
const FACT: &str = "volumes";

/// What is remembered of volumes across runs, so that an unmounted disk is never taken for a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct Registry {
    next: u16,
    known: Vec<Known>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Known {
    volume: VolumeId,
    // Empty once another volume has taken the path over.
    path: Vec<u8>,
}

/// The volumes of this node.
#[derive(Debug)]
pub(crate) struct Shelf {
    node: NodeKey,
    network: NetworkId,
    slots: RwLock<BTreeMap<VolumeId, Arc<Slot>>>,
    buffers: Buffers,
}

impl Shelf {
    /// Opens all configured volumes: creates those that were never there, and leaves empty slots for those that were
    /// and are gone, or do not answer.
    pub(crate) fn open(
        places: &[Place],
        index: &Index,
        node: NodeKey,
        network: NetworkId,
    ) -> Result<Self, ReplicaError> {
        let shelf = Self { node, network, slots: RwLock::new(BTreeMap::new()), buffers: Buffers::default() };
        let mut registry: Registry = index.fact(FACT)?.unwrap_or_default();
        // Volumes that exist come first: their ids must not be given to new ones.
        let mut absent = Vec::new();
        for Place { path, answers } in places {
            let opened = if *answers { Volume::open(path) } else { Err(no_answer(path)) };
            match opened {
                Ok(volume) => shelf.adopt(volume, &mut registry)?,
                Err(error) => absent.push((path, error)),
            }
        }
        for (path, error) in absent {
            match (registry.at(path), error) {
                (_, error @ (VolumeError::InUse { .. } | VolumeError::NotEmpty { .. })) => return Err(error.into()),
                (Some(known), error) if is_no_answer(&error) || !is_claimed(path) => {
                    shelf.insert(Slot::new(known, path.clone(), None));
                }
                (_, VolumeError::Missing { .. }) => {
                    let is_first = registry.at(path).is_none();
                    shelf.create(path, &mut registry, is_first)?;
                }
                (_, error) => return Err(error.into()),
            }
        }
        // Volumes that are no longer configured but whose shards were not yet reported lost.
        for known in &registry.known {
            if shelf.slot(known.volume).is_none() && !index.page(known.volume, None, 1)?.is_empty() {
                let path = PathBuf::from(OsStr::from_bytes(&known.path));
                shelf.insert(Slot::new(known.volume, path, None));
            }
        }
        index.set_fact(FACT, &registry)?;
        Ok(shelf)
    }

    /// Makes the empty, claimed directory of a lost volume a new volume.
    pub(crate) fn claim(&self, path: &Path, index: &Index) -> Result<Arc<Slot>, ReplicaError> {
        let mut registry: Registry = index.fact(FACT)?.unwrap_or_default();
        // Before the ledger has heard of it, it takes no shards from clients.
        let slot = self.create(path, &mut registry, false)?;
        index.set_fact(FACT, &registry)?;
        Ok(slot)
    }

    /// Whether the volume of a lost slot is there again. Takes no lock, so that any number of looks go on beside each
    /// other and beside [`Self::find_again`].
    pub(crate) fn is_back(&self, slot: &Slot) -> bool {
        Volume::peek(&slot.path) == Some(self.marker(slot.id))
    }

    /// Opens the volume of a lost slot again, if it is there.
    pub(crate) fn find_again(&self, slot: &Slot) -> Option<Volume> {
        let volume = Volume::open(&slot.path).ok()?;
        (*volume.marker() == self.marker(slot.id)).then(|| volume.with_buffers(&self.buffers))
    }

    pub(crate) fn slot(&self, volume: VolumeId) -> Option<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(&volume).cloned()
    }

    /// All slots, ascending by volume.
    pub(crate) fn slots(&self) -> Vec<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Whether there are volumes that could be written to, and all of them are too full for this purpose.
    pub(crate) fn is_full(&self, purpose: Purpose) -> bool {
        let slots = self.slots();
        let in_use =
            |slot: &&Arc<Slot>| slot.state() == VolumeState::Up && slot.volume().is_some() && slot.is_announced();
        let mut up = slots.iter().filter(in_use).peekable();
        up.peek().is_some() && up.all(|slot| slot.writable(purpose).is_none())
    }

    /// Removes the slot of a volume whose path a new volume has taken over.
    pub(crate) fn remove(&self, volume: VolumeId) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(&volume);
    }

    fn insert(&self, slot: Slot) -> Arc<Slot> {
        let slot = Arc::new(slot);
        self.slots.write().unwrap_or_else(PoisonError::into_inner).insert(slot.id, slot.clone());
        slot
    }

    fn adopt(&self, volume: Volume, registry: &mut Registry) -> Result<(), ReplicaError> {
        let marker = *volume.marker();
        let path = volume.path().to_owned();
        let foreign =
            |what, found: String, expected: String| ReplicaError::Foreign { path: path.clone(), what, found, expected };
        if marker.network != self.network {
            return Err(foreign("network", marker.network.to_string(), self.network.to_string()));
        }
        if marker.node != self.node {
            return Err(foreign("node", marker.node.to_string(), self.node.to_string()));
        }
        if let Some(other) = self.slot(marker.volume) {
            return Err(ReplicaError::Duplicate { volume: marker.volume, first: other.path.clone(), second: path });
        }
        registry.remember(marker.volume, &path);
        self.insert(Slot::new(marker.volume, path, Some(volume.with_buffers(&self.buffers))));
        Ok(())
    }

    fn create(&self, path: &Path, registry: &mut Registry, is_announced: bool) -> Result<Arc<Slot>, ReplicaError> {
        let id = VolumeId(registry.next);
        let volume = Volume::create(path, self.marker(id))?.with_buffers(&self.buffers);
        registry.remember(id, path);
        tracing::info!(target: "replica", volume = id.0, path = %path.display(), "new volume");
        let slot = Slot::new(id, path.to_owned(), Some(volume));
        slot.set_announced(is_announced);
        Ok(self.insert(slot))
    }

    const fn marker(&self, volume: VolumeId) -> VolumeMarker {
        VolumeMarker { volume, node: self.node, network: self.network }
    }
}

impl Registry {
    /// The volume that was last at `path`.
    fn at(&self, path: &Path) -> Option<VolumeId> {
        let bytes = path.as_os_str().as_bytes();
        self.known.iter().find(|known| known.path == bytes).map(|known| known.volume)
    }

    /// `volume` is at `path` now.
    fn remember(&mut self, volume: VolumeId, path: &Path) {
        let bytes = path.as_os_str().as_bytes();
        for known in &mut self.known {
            if known.path == bytes {
                known.path.clear();
            }
        }
        self.known.retain(|known| known.volume != volume);
        self.known.push(Known { volume, path: bytes.to_vec() });
        self.next = self.next.max(volume.0.saturating_add(1));
    }
}

/// Where a volume is to be.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    answers: bool,
}

/// Knocks at all volumes at once and waits for none longer than `patience`: a disk that hangs must not keep the node, with all
/// the others, from starting.
pub(crate) async fn knock(paths: &[PathBuf], patience: Duration) -> Result<Vec<Place>, ReplicaError> {
    let places = paths.iter().map(|path| async {
        let here = path.clone();
        let answer = on_disk(patience, move || Volume::peek(&here)).await?;
        Ok(Place { path: path.clone(), answers: answer.is_some() })
    });
    futures::future::try_join_all(places).await
}

fn no_answer(path: &Path) -> VolumeError {
    VolumeError::Io { operation: "open", path: path.to_owned(), errno: Errno::TIMEDOUT }
}

const fn is_no_answer(error: &VolumeError) -> bool {
    matches!(error, VolumeError::Io { errno: Errno::TIMEDOUT, .. })
}

/// Whether the operator allows the directory to become a new volume.
pub(crate) fn is_claimed(path: &Path) -> bool {
    path.join(Volume::CLAIM_FILE).exists()
}
