//! Turns packs into shards and any k verified shards back into packs.
