//! The engine's network when there are no peers: one validator that hears only itself.
//!
//! It is a full network actor with nobody to talk to, so the engine runs exactly as it does among many: it announces
//! that it listens (which makes the engine ask for a height to start), answers every request, and publishes to
//! nobody (the engine delivers a node's own messages to itself).

use std::sync::atomic::{AtomicU64, Ordering};

use malachite_app_channel::NetworkMsg;
use malachite_app_channel::app::engine::network::{
    Msg, Multiaddr, NetworkEvent, NetworkRef, PersistentPeerError, Subscriber,
};
use malachite_sync::{OutboundFailureReason, OutboundRequestId};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::{mpsc, oneshot};

use crate::bft::Bft;

/// The actor.
struct Solo {
    address: Multiaddr,
    requests: AtomicU64,
}

/// The engine's actors that listen to the network, and who is told when the engine ends this one.
struct State {
    subscribers: Vec<Box<dyn Subscriber<NetworkEvent<Bft>>>>,
    /// Dropped with the state, which is how the node learns that the engine stopped its actors.
    _alive: oneshot::Sender<()>,
}

/// What the engine needs of a network, whatever is behind it.
pub(crate) struct EngineNetwork {
    /// For the engine.
    pub network: NetworkRef<Bft>,
    /// For the application's proposal parts.
    pub parts: mpsc::Sender<NetworkMsg<Bft>>,
    /// Resolves (with an error) when the engine has ended the actor.
    pub ended: oneshot::Receiver<()>,
}

/// Starts the actor.
pub(crate) async fn spawn() -> Result<EngineNetwork, ractor::SpawnErr> {
    let (alive, ended) = oneshot::channel();
    // Any address does: nobody dials it, the engine only waits to hear of one.
    let address = "/ip4/127.0.0.1/tcp/0".parse().map_err(|_| ractor::SpawnErr::ActorAlreadyStarted)?;
    let (network, _) = Actor::spawn(None, Solo { address, requests: AtomicU64::new(0) }, alive).await?;
    let (parts, mut outgoing) = mpsc::channel::<NetworkMsg<Bft>>(64);
    let actor: NetworkRef<Bft> = network.clone();
    tokio::spawn(async move {
        while let Some(message) = outgoing.recv().await {
            if actor.cast(message.into()).is_err() {
                break;
            }
        }
    });
    Ok(EngineNetwork { network, parts, ended })
}

#[ractor::async_trait]
impl Actor for Solo {
    type Msg = Msg<Bft>;
    type State = State;
    type Arguments = oneshot::Sender<()>;

    async fn pre_start(&self, _: ActorRef<Msg<Bft>>, alive: oneshot::Sender<()>) -> Result<State, ActorProcessingErr> {
        Ok(State { subscribers: Vec::new(), _alive: alive })
    }

    /// Never fails: an error here would end the node.
    async fn handle(
        &self,
        _: ActorRef<Msg<Bft>>,
        message: Msg<Bft>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Subscribe(subscriber) => {
                subscriber.send(NetworkEvent::Listening(self.address.clone()));
                state.subscribers.push(subscriber);
            }
            Msg::OutgoingRequest(peer, _, reply) => {
                let id = OutboundRequestId::new(self.requests.fetch_add(1, Ordering::Relaxed));
                // Whoever asked may have stopped waiting.
                let _ = reply.send(id.clone());
                for subscriber in &state.subscribers {
                    let reason = OutboundFailureReason::DialFailure;
                    subscriber.send(NetworkEvent::SyncRequestFailed(id.clone(), peer, reason));
                }
            }
            Msg::DumpState(reply) => {
                let _ = reply.send(None);
            }
            Msg::UpdatePersistentPeers(_, reply) => {
                let reason = "this network has no peers".to_owned();
                let _ = reply.send(Err(PersistentPeerError::InternalError(reason)));
            }
            Msg::PublishConsensusMsg(_)
            | Msg::PublishLivenessMsg(_)
            | Msg::PublishProposalPart(_)
            | Msg::BroadcastStatus(_)
            | Msg::CancelRequest(_)
            | Msg::OutgoingResponse(..)
            | Msg::CancelInboundRequest(_)
            | Msg::UpdateValidatorSet(_)
            | Msg::ValidatorProofVerified { .. }
            | Msg::NewEvent(_) => {}
        }
        Ok(())
    }
}
