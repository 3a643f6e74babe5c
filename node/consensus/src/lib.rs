//! Decides blocks: Malachite application, mempool, execution, signing guard.
