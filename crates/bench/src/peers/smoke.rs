//! Each driver against the real thing, where it is installed and starts without more ado; all the
//! others are tried by `scripts/bench/peers.sh` before it measures them.
#![expect(
    clippy::print_stderr,
    reason = "a test that is passed over says so, for nothing else shows it"
)]

use std::{
    io::ErrorKind,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    Limits, Spec, Target,
    drive::{Load, drive},
};

const TASKS: u64 = 500;

/// A system under test; ends when dropped.
struct Running {
    child: Child,
    _folder: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Below those that the kernel gives out: what it gave out once it soon gives to others.
fn free_port() -> u16 {
    loop {
        let port = rand::random_range(17_500..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Starts it, with PORT and DIR replaced; none if it is not installed.
async fn start(program: &str, arguments: &str) -> Option<(Running, String)> {
    loop {
        let address = format!("127.0.0.1:{}", free_port());
        let mut running = spawn(program, arguments, &address)?;
        let mut look = tokio::time::interval(Duration::from_millis(10));
        loop {
            if TcpStream::connect(&address).is_ok() {
                return Some((running, address));
            }
            if let Some(ended) = running.child.try_wait().unwrap() {
                // Somebody else was given the port in between.
                eprintln!("{program} ended with {ended}; once more on another port");
                break;
            }
            look.tick().await;
        }
    }
}

fn spawn(program: &str, arguments: &str, address: &str) -> Option<Running> {
    let folder = tempfile::tempdir().unwrap();
    let (_, port) = address.rsplit_once(':').unwrap();
    let arguments = arguments
        .replace("PORT", port)
        .replace("DIR", folder.path().to_str().unwrap());
    let child = Command::new(program)
        .args(arguments.split(' '))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match child {
        Ok(child) => Some(Running {
            child,
            _folder: folder,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("PASSED OVER: {program} is not installed");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

/// Enqueues and completes, one after the other and both at once; what is left over is thrown away.
async fn try_out(spec: &str) {
    let spec: Spec = spec.parse().unwrap();
    let target: Arc<dyn Target> = super::target(&spec).unwrap().into();
    target.purge().await.unwrap();
    assert_eq!(count(&target, 3, 0).await, (TASKS, 0, 0), "{spec:?}");
    assert_eq!(count(&target, 0, 3).await, (0, TASKS, TASKS), "{spec:?}");
    // A worker that waits when its connection ends may be given one task more, which it takes with
    // it: so there is a purge before each phase that begins empty.
    target.purge().await.unwrap();
    assert_eq!(
        count(&target, 2, 2).await,
        (TASKS, TASKS, TASKS),
        "{spec:?}"
    );
    target.purge().await.unwrap();
    assert_eq!(count(&target, 1, 0).await, (TASKS, 0, 0), "{spec:?}");
    target.purge().await.unwrap();
    assert_eq!(
        count(&target, 1, 1).await,
        (TASKS, TASKS, TASKS),
        "{spec:?}"
    );
}

/// What so many lanes enqueue, are delivered and complete.
async fn count(target: &Arc<dyn Target>, producers: u32, workers: u32) -> (u64, u64, u64) {
    let load = Load {
        limits: Limits {
            tasks: Some(TASKS),
            in_flight: 16,
            slots: 8,
            payload_bytes: 256,
            ..Limits::default()
        },
        producers,
        workers,
        to_the_end: producers > 0 && workers > 0,
    };
    let tally = drive(target, load).await.unwrap().tally;
    (tally.acknowledged, tally.delivered, tally.completed)
}

#[tokio::test]
async fn beanstalkd_is_driven() {
    if let Some((_running, address)) = start("beanstalkd", "-l 127.0.0.1 -p PORT").await {
        try_out(&format!("beanstalkd={address},keeps=nothing")).await;
    }
}

#[tokio::test]
async fn redis_is_driven() {
    let arguments = "--bind 127.0.0.1 --port PORT --dir DIR --appendonly yes --appendfsync always";
    if let Some((_running, address)) = start("redis-server", arguments).await {
        try_out(&format!("redis-list={address}")).await;
        try_out(&format!("redis-streams={address}")).await;
        let other: Spec = format!("redis-list={address},keeps=nothing")
            .parse()
            .unwrap();
        let refused = super::target(&other).unwrap().purge().await.unwrap_err();
        assert!(
            refused.to_string().contains("appendonly is not no"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn jetstream_is_driven() {
    let arguments = "-a 127.0.0.1 -p PORT -js -sd DIR";
    if let Some((_running, address)) = start("nats-server", arguments).await {
        try_out(&format!("jetstream={address},keeps=later")).await;
    }
}

#[test]
fn what_cannot_be_is_refused() {
    for spec in [
        "kafka=127.0.0.1:1",
        "jetstream=127.0.0.1:1,keeps=nothing",
        "postgresql=127.0.0.1:1,keeps=later",
        "redis-list=127.0.0.1:1,keeps=much",
    ] {
        let refused = super::target(&spec.parse().unwrap());
        assert!(refused.is_err(), "{spec}");
    }
}
