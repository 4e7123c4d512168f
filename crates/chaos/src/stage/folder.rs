//! The folder of a run, and its address.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// Lines of a log that are shown.
const LINES_SHOWN: usize = 8;

/// Ports below those that the kernel hands out, so that the hub's stays free while it is away.
const FIRST: u16 = 12_000;
const COUNT: u16 = 18_000;

/// The folder of a run; removed at the end, unless it is kept.
#[derive(Debug)]
pub(super) enum Folder {
    Passing(TempDir),
    Kept(PathBuf),
}

impl Folder {
    pub(super) fn make(keep: Option<&Path>) -> io::Result<Self> {
        let Some(path) = keep else {
            let made = tempfile::Builder::new()
                .prefix("leasehold-chaos-")
                .tempdir();
            return made.map(Self::Passing);
        };
        fs::create_dir(path).map_err(|error| {
            io::Error::new(error.kind(), format!("make {}: {error}", path.display()))
        })?;
        path.canonicalize().map(Self::Kept)
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Passing(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }

    pub(super) fn keep(&mut self) -> PathBuf {
        if let Self::Passing(folder) = self {
            folder.disable_cleanup(true);
        }
        self.path().to_owned()
    }
}

/// An address of this machine that nobody has.
pub(super) fn free_address(ip: Ipv4Addr) -> io::Result<SocketAddr> {
    let start = u16::try_from(std::process::id() * 101 % u32::from(COUNT)).unwrap_or(0);
    (0..COUNT)
        .map(|offset| FIRST + (start + offset) % COUNT)
        .map(|port| SocketAddr::from((ip, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .ok_or_else(|| io::Error::other("no port is free"))
}

/// The last lines of a log, indented.
pub(super) fn end_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LINES_SHOWN);
    lines[from..]
        .iter()
        .map(|line| format!("\n  {line}"))
        .collect()
}
