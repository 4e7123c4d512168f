//! A hub process over a folder and a port of its own.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::atomic::{AtomicU16, Ordering},
};

use leasehold_node::{Endpoint, Inspector, NodeOptions, Producer};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::process::{Process, leasehold};

/// The line by which a hub says that it is ready.
const READY: &str = "listening on ";

/// A hub process, and what is left of it for the next one.
#[derive(Debug)]
pub(crate) struct Hub {
    process: Process,
    address: SocketAddr,
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Hub {
    /// A hub with the defaults.
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// A hub with this configuration file.
    pub(crate) async fn with(config: &str) -> Self {
        Self::with_variables(config, &[]).await
    }

    /// A hub with this configuration file and these variables in its environment.
    pub(crate) async fn with_variables(config: &str, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        fs::write(folder.path().join("hub.toml"), config).expect("the folder can be written");
        let address = free_address();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<_> = variables.iter().map(own).collect();
        let process = begin(folder.path(), address, &variables);
        process.said(READY).await;
        Self {
            process,
            address,
            folder,
            variables,
        }
    }

    /// Where it listens, also after a restart.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// As the flag `--hub` takes it.
    pub(crate) fn at(&self) -> String {
        self.address.to_string()
    }

    /// For nodes in the test's own process.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::tcp(self.at())
    }

    pub(crate) fn producer(&self) -> Producer {
        Producer::new(self.endpoint(), NodeOptions::default())
    }

    pub(crate) fn inspector(&self) -> Inspector {
        Inspector::new(self.endpoint(), NodeOptions::default())
    }

    /// A folder that lives as long as the hub's.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        data(self.folder.path())
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Signals it and waits for its end.
    pub(crate) async fn end(&mut self, signal: Signal) -> ExitStatus {
        self.process.signal(signal);
        self.process.ended().await
    }

    /// Starts the next one, on the same port and folder; returns when it is ready.
    pub(crate) async fn restart(&mut self) {
        self.process = begin(self.folder.path(), self.address, &self.variables);
        self.process.said(READY).await;
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn begin(folder: &Path, address: SocketAddr, variables: &[(String, String)]) -> Process {
    let mut command = leasehold(&["hub", "--listen", &address.to_string()]);
    command.arg("--config").arg(folder.join("hub.toml"));
    command.arg("--data").arg(data(folder));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    Process::start("the hub", command)
}

/// An address that is free, and stays so while its hub is being restarted: below the ports that the
/// kernel hands out, where a node that knocks in vain could even be connected to itself.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 18_000;
    let start = u16::try_from(std::process::id() * 101 % u32::from(COUNT)).unwrap_or(0);
    (0..COUNT)
        .map(|_| FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("some port is free")
}
