//! Connections: how many there are, and how slow whoever is at the other end may be.
//!
//! `accept` takes connections and serves HTTP/1.1 on each; `pace` says when a peer is too slow (pure), `body` applies it to
//! what is sent to the node, `stream` to what is read from it; by `cut` an answer ends its connection.

mod accept;
mod body;
mod cut;
mod pace;
mod stream;

pub(crate) use accept::accept;
pub(crate) use body::TooSlow;
pub(crate) use cut::Cut;
