//! Logs to standard error, metrics to Prometheus.

use std::io::IsTerminal;
use std::net::SocketAddr;

use eyre::{Result, WrapErr};
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Starts logging; once a process.
pub(crate) fn init_logs(config: &LogConfig) -> Result<()> {
    let filter = EnvFilter::try_new(&config.filter).wrap_err("log.filter")?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let outcome = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    outcome.map_err(|error| eyre::eyre!("cannot start logging: {error}"))
}

/// Serves metrics at `http://addr/metrics`.
///
/// # Errors
/// The address is taken.
pub(crate) fn serve_metrics(addr: SocketAddr) -> Result<()> {
    metrics_exporter_prometheus::PrometheusBuilder::new().with_http_listener(addr).install().wrap_err_with(|| {
        format!("cannot serve metrics on {addr}; choose another metrics.addr, or set metrics.enabled = false")
    })
}
