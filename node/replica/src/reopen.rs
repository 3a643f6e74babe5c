//! Using a lost volume again that is back: its files are hashed and become holdings again where the ledger lacks them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::shared::{Shared, blocking};
use crate::slot::Slot;
use crate::{ReplicaError, census};

/// Opens the volume of a slot whose state says that it is there, and compares its files with the index. Ends early, and
/// well, when `stop` is cancelled or the volume went again.
pub(crate) async fn reopen(
    shared: &Arc<Shared>,
    slot: &Arc<Slot>,
    stop: &CancellationToken,
) -> Result<(), ReplicaError> {
    // An earlier attempt may have opened it and failed after that.
    if slot.volume().is_none() {
        let (task, empty) = (shared.clone(), slot.clone());
        let opened = blocking(move || task.shelf.find_again(&empty).is_some_and(|volume| empty.reopen(volume))).await?;
        if !opened {
            return Ok(());
        }
    }
    let found = census::run(shared, slot, stop).await?;
    if stop.is_cancelled() {
        return Ok(());
    }
    census::take(shared, slot, found).await
}
