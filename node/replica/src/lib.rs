//! Keeps shards alive: placement, acknowledgement, reads, scrub, repair.
