//! The processes of a run: a hub, producers and nodes, in a folder of their own.

mod ask;
mod folder;
mod leash;
mod poison;
mod process;
mod quiet;
mod yardstick;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use leasehold_judge::{Began, How, What};
use leasehold_node::Inspector;
use leasehold_reach::Door;
use nix::sys::signal::Signal;
use tokio::time::timeout;

use crate::{
    access::Access, args::SceneArgs, cast::Cast, dice::Dice, error::ChaosError, nemesis::Who,
    recorder::Recorder, teller::Teller,
};
use folder::Folder;
use poison::Poisoned;
use process::{Log, Process};
use yardstick::Yardstick;

pub(crate) use ask::{configuration, knock, make_token};
pub(crate) use leash::leash;

/// The pool of the workload.
pub(crate) const POOL: &str = "chaos";

/// What a hub says when it is ready.
const READY: &str = "listening on ";

/// How long a hub may take until it listens, on a machine that has much else to do.
const LISTENS_WITHIN: Duration = Duration::from_secs(120);

/// How long a hub may take to let somebody in who is to be let in.
pub(crate) const LET_IN_WITHIN: Duration = Duration::from_secs(30);

/// How long a process may take to be gone that was killed or told to end.
const GONE_WITHIN: Duration = Duration::from_secs(200);

/// The processes of a run. Dropped, all are killed and the folder is removed, unless it is kept.
pub(crate) struct Stage {
    pub(crate) cast: Cast,
    pub(crate) teller: Teller,
    processes: BTreeMap<Who, Process>,
    frozen: Vec<Who>,
    poisoned: Poisoned,
    /// The way of each to the hub, where it is not the hub's own address.
    ways: BTreeMap<Who, SocketAddr>,
    /// The hub's, if it is one of the run: one that was there before is left alone.
    address: Option<SocketAddr>,
    door: Door,
    access: Access,
    hub_config: Option<PathBuf>,
    /// How often each was started.
    starts: BTreeMap<Who, u32>,
    /// Each start of a producer draws from the next.
    dice: Dice,
    recorder: Recorder,
    _yardstick: Yardstick,
    /// Last, for nobody may write into it any more.
    folder: Folder,
}

impl Stage {
    /// An empty stage.
    pub(crate) fn set(
        cast: Cast,
        args: &SceneArgs,
        access: Access,
        began: Began,
        teller: Teller,
    ) -> Result<Self, ChaosError> {
        let failed = || ChaosError::io("set the stage");
        let folder = Folder::make(args.keep.as_deref()).map_err(failed())?;
        let recorder = Recorder::open(&folder.path().join("stage.jsonl"), "stage");
        let recorder = recorder.map_err(failed())?;
        let dice = Dice::new(began.seed ^ 0x5eed);
        recorder.record(What::Began(began));
        let address = match &args.hub {
            Some(_) => None,
            None => Some(folder::free_address(cast.hub_ip).map_err(failed())?),
        };
        let own = address.map(|address| address.to_string());
        let at = args.hub.clone().or(own).unwrap_or_default();
        Ok(Self {
            cast,
            teller,
            processes: BTreeMap::new(),
            frozen: Vec::new(),
            poisoned: Poisoned::default(),
            ways: BTreeMap::new(),
            address,
            door: access.way.door(&at)?,
            access,
            hub_config: args.hub_config.clone(),
            starts: BTreeMap::new(),
            dice,
            _yardstick: Yardstick::beside(folder.path()).map_err(failed())?,
            recorder,
            folder,
        })
    }

    /// Where all of it is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The hub's own address, the same after each start; of one that was there before, none.
    pub(crate) const fn hub(&self) -> Option<SocketAddr> {
        self.address
    }

    /// How the hub is reached, with nothing between.
    pub(crate) const fn door(&self) -> &Door {
        &self.door
    }

    /// For looking; an answer may take so long.
    pub(crate) fn inspector(&self, within: Duration) -> Inspector {
        let options = self.door.options().give_up_after(within);
        Inspector::new(self.door.endpoint(), options)
    }

    /// From now on this one reaches the hub by way of that address.
    pub(crate) fn lay(&mut self, who: Who, way: SocketAddr) {
        self.ways.insert(who, way);
    }

    /// The process id, if it is there.
    pub(crate) fn pid(&self, who: Who) -> Option<u32> {
        self.processes.get(&who)?.pid()
    }

    /// Tells the history of a fault that the stage does not do itself.
    pub(crate) fn fault(&self, kind: &str, on: impl ToString, detail: &str, length: Duration) {
        self.recorder.record(What::Fault {
            kind: kind.to_owned(),
            on: on.to_string(),
            detail: detail.to_owned(),
            for_ms: u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
        });
    }

    /// Runs a command of this program that speaks with the hub; what it printed.
    pub(crate) async fn run(&self, args: &[&str]) -> Result<String, ChaosError> {
        let what = || format!("run leasehold {}", args.join(" "));
        let mut command = process::this_command().map_err(ChaosError::io(what()))?;
        self.access.way.hand_on(command.as_std_mut())?;
        command
            .args(args)
            .env("LEASEHOLD_HUB", self.door.address())
            .kill_on_drop(true);
        let output = command.output().await.map_err(ChaosError::io(what()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(ChaosError::failed(what(), said.trim()))
    }

    /// Tells the history of a promise that the scene looked at itself.
    pub(crate) fn checked(&self, promise: &str, is_kept: bool, seen: impl ToString) {
        let (promise, seen) = (promise.to_owned(), seen.to_string());
        let kept = if is_kept { "kept" } else { "NOT KEPT" };
        self.teller.say(format!("{promise}: {seen}: {kept}"));
        self.recorder.record(What::Checked {
            promise,
            is_kept,
            seen,
        });
    }

    /// Starts those of these that are not there, the hub first.
    pub(crate) async fn start_all(&mut self, whom: &[Who]) -> Result<(), ChaosError> {
        let mut whom = whom.to_vec();
        whom.sort_unstable();
        for who in whom {
            let is_ours = who != Who::Hub || self.address.is_some();
            if is_ours && !self.processes.contains_key(&who) {
                let started = self.start(who).await;
                started.map_err(ChaosError::io(format!("start {who}")))?;
            }
        }
        Ok(())
    }

    async fn start(&mut self, who: Who) -> io::Result<()> {
        let process = match who {
            Who::Hub => self.start_hub().await?,
            Who::Node(_) | Who::Producer(_) | Who::Holder(_) => self.start_part(who)?,
        };
        let pid = process.pid().unwrap_or(0);
        self.processes.insert(who, process);
        let who = who.to_string();
        self.recorder.record(What::Up { who, pid });
        Ok(())
    }

    async fn start_hub(&mut self) -> io::Result<Process> {
        let start = self.count_start(Who::Hub);
        let log = self.path(&format!("hub-{start}.log"));
        let data = self.cast.hub_data.clone();
        let data = data.unwrap_or_else(|| self.path("data"));
        let mut command = process::hub_command(&self.cast, self.hub_config.as_deref())?;
        command
            .args(["--listen", self.door.address(), "--data"])
            .arg(data);
        let mut process = Process::start(command, Log::New(&log))?;
        match timeout(LISTENS_WITHIN, process.says(READY)).await {
            Ok(Ok(())) => Ok(process),
            Ok(Err(error)) => Err(io::Error::new(
                error.kind(),
                format!("{error}; it said:{}", folder::end_of(&log)),
            )),
            Err(_) => {
                let why = format!("it does not listen after {LISTENS_WITHIN:?}");
                Err(io::Error::other(format!("{why}:{}", folder::end_of(&log))))
            }
        }
    }

    fn start_part(&mut self, who: Who) -> io::Result<Process> {
        let way = self.ways.get(&who).map(ToString::to_string);
        let hub = way.unwrap_or_else(|| self.door.address().to_owned());
        let seed = self.dice.any();
        // One for each start, so that a line that a kill cut short is the last of its file.
        let start = self.count_start(who);
        let history = self.path(&format!("{who}.{start}.jsonl"));
        let mut command = process::part_command(&self.cast, who, &hub, seed, &history)?;
        let handed = self.access.way.hand_on(command.as_std_mut());
        handed.map_err(io::Error::other)?;
        Process::start(command, Log::More(&self.path(&format!("{who}.log"))))
    }

    fn count_start(&mut self, who: Who) -> u32 {
        let starts = self.starts.entry(who).or_default();
        *starts += 1;
        *starts
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `kill -9` of all of these that are there, at once; returns when they are gone.
    pub(crate) async fn kill(&mut self, whom: &[Who]) -> Result<(), ChaosError> {
        self.reap();
        self.end(whom, How::Killed, Signal::SIGKILL).await
    }

    /// SIGTERM to all of these that are there; returns when they are gone.
    pub(crate) async fn ask_to_end(&mut self, whom: &[Who]) -> Result<(), ChaosError> {
        self.end(whom, How::Asked, Signal::SIGTERM).await
    }

    async fn end(&mut self, whom: &[Who], how: How, signal: Signal) -> Result<(), ChaosError> {
        self.poisoned.forget(whom);
        let there = |who: &&Who| self.processes.contains_key(who);
        for who in whom.iter().filter(there) {
            let who = who.to_string();
            self.recorder.record(What::Down { who, how });
        }
        for who in whom {
            if let Some(process) = self.processes.get(who) {
                process.signal(signal);
            }
        }
        for who in whom {
            self.frozen.retain(|frozen| frozen != who);
            if let Some(mut process) = self.processes.remove(who) {
                let gone = timeout(GONE_WITHIN, process.ended()).await;
                gone.map_err(|_| ChaosError::failed(format!("end {who}"), "it does not end"))?;
            }
        }
        Ok(())
    }

    /// SIGSTOP of all of these that are there; returns when all of each stands still.
    pub(crate) async fn freeze(&mut self, whom: &[Who]) {
        for who in whom {
            let Some(process) = self.processes.get(who) else {
                continue;
            };
            if !self.frozen.contains(who) {
                self.frozen.push(*who);
                let name = who.to_string();
                self.recorder.record(What::Frozen { who: name });
                process.freeze().await;
            }
        }
    }

    /// SIGCONT of all of these that are frozen.
    pub(crate) fn thaw(&mut self, whom: &[Who]) {
        for who in whom.iter().filter(|who| self.frozen.contains(who)) {
            if let Some(process) = self.processes.get(who) {
                process.signal(Signal::SIGCONT);
            }
            let who = who.to_string();
            self.recorder.record(What::Thawed { who });
        }
        self.frozen.retain(|frozen| !whom.contains(frozen));
    }

    /// Takes note of those who ended by themselves.
    pub(crate) fn reap(&mut self) {
        let gone: Vec<Who> = self
            .processes
            .iter_mut()
            .filter_map(|(who, process)| process.is_gone().then_some(*who))
            .collect();
        for who in gone {
            self.processes.remove(&who);
            let why = self.inquest(who);
            self.teller.say(format!("{who} {why}"));
            let (who, how) = (who.to_string(), How::Itself);
            self.recorder.record(What::Down { who, how });
        }
    }

    /// The folder stays; where it is.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.folder.keep()
    }
}
