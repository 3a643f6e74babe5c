//! Starting and stopping.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use jsonrpsee::RpcModule;
use jsonrpsee::core::middleware::RpcServiceBuilder;
use jsonrpsee::server::{BatchRequestConfig, PingConfig, ServerBuilder, ServerConfig, ServerHandle, stop_channel};
use jsonrpsee::types::SubscriptionId;
use rpc_api::audit::AuditApiServer;
use rpc_api::chain::ChainApiServer;
use rpc_api::eth::EthApiServer;
use rpc_api::ledger::LedgerApiServer;
use rpc_api::net::NetApiServer;
use rpc_api::proof::ProofApiServer;
use rpc_api::replica::ReplicaApiServer;
use rpc_api::snapshot::SnapshotApiServer;
use rpc_api::web3::Web3ApiServer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::http::{Answers, Hosts, HttpLayer, Requests, Shards, Sockets, cors_layer};
use crate::methods::Methods;
use crate::metrics::MethodMetrics;
use crate::middleware::Words;
use crate::{Backend, RpcConfig, RpcError, connection};

/// A running server.
#[derive(Clone, Debug)]
pub struct Server {
    addr: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    /// Where it listens, with the port that the system chose when the configuration said 0.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits until it has stopped: after the token is cancelled and the requests in flight are answered.
    pub async fn stopped(self) {
        self.handle.stopped().await;
    }
}

/// Starts to serve; stops when `cancel` is.
///
/// # Errors
/// [`RpcError`] when the address cannot be had or the configuration is wrong.
pub fn serve(
    config: RpcConfig,
    backend: Arc<dyn Backend>,
    cancel: CancellationToken,
) -> BoxFuture<'static, Result<Server, RpcError>> {
    // Boxed here, so that the server is compiled with this crate and not again with the program that runs it.
    Box::pin(listen(config, backend, cancel))
}

async fn listen(config: RpcConfig, backend: Arc<dyn Backend>, cancel: CancellationToken) -> Result<Server, RpcError> {
    let limits = config.limits;
    let module = module(Methods::new(Arc::clone(&backend), limits))?;
    let metrics = Arc::new(MethodMetrics::new(module.method_names()));
    let response_bytes_max = usize::try_from(limits.response_bytes_max).unwrap_or(usize::MAX);

    let http = tower::ServiceBuilder::new().option_layer(cors_layer(&config.cors)?).layer(HttpLayer::new(
        Hosts::new(&config.hosts, &config.cors),
        Shards::new(backend, config.shards),
        Requests::new(&limits, config.shards.wait),
        Answers::new(&limits, config.shards),
        Sockets::new(config.peers),
    ));
    let rpc =
        RpcServiceBuilder::new().layer_fn(move |inner| Words::new(inner, Arc::clone(&metrics), response_bytes_max));
    let failed = |source| RpcError::Listen { addr: config.addr, source };
    let listener = TcpListener::bind(config.addr).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let services = ServerBuilder::new()
        .set_config(server_config(&config))
        .set_http_middleware(http)
        .set_rpc_middleware(rpc)
        .to_service_builder();
    let (stop, handle) = stop_channel();
    let (methods, of_service) = (jsonrpsee::Methods::from(module), stop.clone());
    let service = move || services.clone().build(methods.clone(), of_service.clone());
    tokio::spawn(connection::accept(listener, config.peers, stop, service));
    tracing::info!(target: "rpc", %addr, "listening");

    let stopper = handle.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = cancel.cancelled() => { let _already_stopped = stopper.stop(); }
            () = stopper.clone().stopped() => {}
        }
    });
    Ok(Server { addr, handle })
}

fn module(methods: Methods) -> Result<RpcModule<()>, RpcError> {
    let mut module = RpcModule::new(());
    let all: [jsonrpsee::Methods; 9] = [
        EthApiServer::into_rpc(methods.clone()).into(),
        NetApiServer::into_rpc(methods.clone()).into(),
        Web3ApiServer::into_rpc(methods.clone()).into(),
        ChainApiServer::into_rpc(methods.clone()).into(),
        SnapshotApiServer::into_rpc(methods.clone()).into(),
        ProofApiServer::into_rpc(methods.clone()).into(),
        LedgerApiServer::into_rpc(methods.clone()).into(),
        ReplicaApiServer::into_rpc(methods.clone()).into(),
        AuditApiServer::into_rpc(methods).into(),
    ];
    for methods in all {
        module.merge(methods).map_err(|error| RpcError::Method { name: error.to_string() })?;
    }
    Ok(module)
}

/// How often as long as a connection may be without a request a WebSocket may be without a sign of life. A pong comes only
/// between two messages: whoever takes or sends the longest one needs time for it.
const SILENCE: u32 = 10;

fn server_config(config: &RpcConfig) -> ServerConfig {
    let (limits, header) = (&config.limits, config.peers.header);
    let pings = PingConfig::new().ping_interval(header).inactive_limit(header.saturating_mul(SILENCE));
    ServerConfig::builder()
        .max_request_body_size(limits.request_bytes_max)
        .max_response_body_size(limits.response_bytes_max)
        .max_connections(config.peers.connections_max)
        .enable_ws_ping(pings)
        .set_batch_request_config(BatchRequestConfig::Limit(limits.batch_max))
        .set_id_provider(HexIds)
        .build()
}

/// Subscription ids as clients expect them: QUANTITY strings.
#[derive(Debug)]
struct HexIds;

impl jsonrpsee::core::traits::IdProvider for HexIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        format!("{:#x}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)).into()
    }
}
