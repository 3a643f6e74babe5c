//! Shows the ledger's packs to the replica, and carries what the replica learns back.

use async_trait::async_trait;
