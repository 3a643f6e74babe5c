//! Looking at a volume: whether it is there, and what it takes.

use std::sync::Arc;

use store::Volume;

use crate::fill::Purpose;
use crate::machine::Seen;
use crate::shared::{Shared, blocking};
use crate::shelf::is_claimed;
use crate::slot::Slot;
use crate::{ReplicaError, VolumeState};

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// This of the volume.
    Volume(Seen),
    /// No volume is open in the slot, and none is there to be opened.
    Nothing,
    /// As [`Self::Nothing`], and the operator allows the directory to become a new volume.
    Claim,
}

/// Looks at the volume of a slot, on a blocking thread.
pub(crate) async fn look(shared: &Arc<Shared>, slot: Arc<Slot>) -> Result<Found, ReplicaError> {
    let shared = shared.clone();
    blocking(move || match slot.volume() {
        Some(volume) => {
            let calls = slot.calls();
            let _under_way = calls.reads.begin();
            Found::Volume(look_at(&shared, &slot, &volume))
        }
        None if slot.state() == VolumeState::Lost && shared.shelf.is_back(&slot) => Found::Volume(Seen::Present),
        None if is_claimed(&slot.path) => Found::Claim,
        None => Found::Nothing,
    })
    .await
}

fn look_at(shared: &Shared, slot: &Slot, volume: &Volume) -> Seen {
    if !volume.is_present() {
        Seen::Absent
    } else if volume.read_only().is_some() {
        Seen::ReadOnly
    } else {
        slot.admits(volume, 0, Purpose::Write, &shared.config);
        Seen::Present
    }
}
