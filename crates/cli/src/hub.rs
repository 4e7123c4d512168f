//! `leasehold hub`: a hub from its configuration to its end.

mod descriptors;

use std::{net::SocketAddr, path::Path};

use leasehold_hub::{ConfigError, ConfigLayers, Hub, HubConfig, Source};

use crate::{
    args::HubArgs,
    exit::Failure,
    logging, output,
    signals::{Ending, Reloads},
};

/// Runs a hub until it is asked to end, or fails.
pub(crate) async fn run(args: HubArgs) -> Result<(), Failure> {
    let mut config = configured(&args).map_err(|error| unsound(&error))?;
    if args.print_config {
        return output::write(config.annotated().as_bytes());
    }
    config.check_files().map_err(|error| unsound(&error))?;
    if args.check_config {
        return output::lines(["the configuration is sound".into()]);
    }
    if config.hub.listen.is_none() {
        let why = "hub.listen is \"none\", which is for a hub inside another program";
        return Err(Failure::Usage(format!("failed to start the hub: {why}")));
    }
    logging::begin(config.log.level, config.log.format);
    config.hub.sessions_max = descriptors::sessions_that_fit(config.hub.sessions_max);
    let signals = Ending::listen().and_then(|ending| Ok((ending, Reloads::listen()?)));
    let signals = signals.map_err(|error| Failure::failed("listen to signals", error))?;
    let hub = start(config).await?;
    serve(&hub, &args, signals).await
}

fn configured(args: &HubArgs) -> Result<HubConfig, ConfigError> {
    let mut layers = ConfigLayers::default();
    if let Some(path) = &args.config {
        layers.file(path);
    }
    let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        name.into_string().ok().zip(value.into_string().ok())
    };
    layers.env(std::env::vars_os().filter_map(utf8));
    let data = args.data.as_deref().map(Path::to_string_lossy);
    for (address, flag, value) in [
        ("hub.listen", "--listen", args.listen.as_deref()),
        ("store.data", "--data", data.as_deref()),
    ] {
        if let Some(value) = value {
            layers.set(address, value, Source::Flag(flag.into()));
        }
    }
    layers.build()
}

/// Every problem on a line of its own.
fn unsound(error: &ConfigError) -> Failure {
    let problems = error.problems().iter();
    let lines: String = problems.map(|problem| format!("\n  {problem}")).collect();
    Failure::Usage(format!("failed to read the configuration:{lines}"))
}

async fn start(config: HubConfig) -> Result<Hub, Failure> {
    let data = config.store.data.display().to_string();
    let engine = format!("{:?}", config.store.engine).to_lowercase();
    let pools: Vec<String> = config.pool.keys().map(ToString::to_string).collect();
    let opened = {
        let config = config.clone();
        tokio::task::spawn_blocking(move || leasehold_hub::open_store(&config)).await
    };
    let failed = |why: String| Failure::failed("start the hub", why);
    let store = opened
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(error.to_string()))?;
    let hub = Hub::start(config, store)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let address = hub.address().map(|address| address.to_string());
    tracing::info!(address, data, engine, named_pools = ?pools, "the hub is ready");
    announce(hub.address());
    Ok(hub)
}

/// For whoever started the hub and waits until it listens.
fn announce(address: Option<SocketAddr>) {
    let line = address.map(|address| format!("listening on {address}"));
    if output::lines(line).is_err() {
        tracing::debug!("nobody reads standard output");
    }
}

/// All of it or nothing.
async fn reload(hub: &Hub, args: &HubArgs) {
    let reloaded = match configured(args) {
        Ok(mut config) => {
            let sessions_max = config.hub.sessions_max;
            config.hub.sessions_max = descriptors::sessions_that_fit(sessions_max);
            hub.reload(config).await
        }
        Err(error) => Err(error),
    };
    match reloaded {
        Ok(lines) if lines.is_empty() => tracing::info!("the configuration is what it was"),
        Ok(lines) => {
            for line in lines {
                tracing::info!("configuration: {line}");
            }
        }
        Err(error) => {
            for problem in error.problems() {
                tracing::error!("configuration: {problem}");
            }
            tracing::error!("the configuration stays as it was");
        }
    }
}

async fn serve(
    hub: &Hub,
    args: &HubArgs,
    (mut ending, mut reloads): (Ending, Reloads),
) -> Result<(), Failure> {
    let signal = loop {
        tokio::select! {
            () = hub.ended() => return Err(Failure::failed("keep the hub running", "see its log")),
            signal = ending.asked() => break signal,
            () = reloads.asked() => reload(hub, args).await,
        }
    };
    tracing::info!(signal, "draining; a second signal ends the hub at once");
    tokio::select! {
        () = hub.drain() => tracing::info!("the hub has ended"),
        signal = ending.asked() => {
            tracing::warn!(signal, "ending at once; leases stay for the next start");
            hub.stop().await;
        }
    }
    Ok(())
}
