//! The power goes: what the hub did not sync is gone, all of it or any part, and it starts on that.
//!
//! The hub runs with the shim of `leasehold-disk` before it, which writes down all that it does to its
//! store. A cut kills the hub, makes from that what a disk may have then, and starts the hub on it. And
//! because the recording has every moment and not only the last one, each cut also looks at some that
//! came before: the store of each must open and have every task that was acknowledged by then.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use leasehold_disk::{BLOCK_BYTES, Model, Platter, Recording, SECTOR_BYTES, Shim};
use leasehold_judge::{Answer, History, Outcome, What};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::ground::ground;
use crate::{
    cast::Cast,
    dice::Dice,
    error::{ChaosError, Unplayed},
    nemesis::{Nemesis, Step, Who},
    stage::Stage,
    teller::print,
};

/// Moments before a cut that are looked at, beside the cut itself.
const LOOKS: u64 = 5;

/// Power cuts, of a hub with fjall or with sled.
#[derive(Debug)]
pub(crate) struct PowerCut<const FJALL: bool> {
    folder: TempDir,
    shim: Shim,
    /// Stores that were looked at.
    looked: u64,
}

/// One cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    model: Model,
    seed: u64,
    away: Duration,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cut the power: {}", told(self.model))
    }
}

fn told(model: Model) -> String {
    match model {
        Model::Worst => "only what was synced stays".to_owned(),
        Model::All => "all stays that was written".to_owned(),
        Model::Mixed { unit, .. } => format!("each {unit} bytes since the last sync stay or go"),
    }
}

impl<const FJALL: bool> PowerCut<FJALL> {
    /// What it needs of the machine.
    pub(crate) fn prepare() -> Result<Self, Unplayed> {
        let (shim, folder) = ground()?;
        Ok(Self {
            folder,
            shim,
            looked: 0,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> io::Result<PathBuf> {
        let data = self.path("data");
        fs::create_dir_all(&data)?;
        data.canonicalize()
    }

    /// Looks at moments of the recording, and leaves in `base` what is there at the end.
    async fn cut(&mut self, stage: &Stage, cut: &Cut) -> Result<(), ChaosError> {
        let failed = || ChaosError::io("cut the power");
        let recording = Recording::read(&self.path("log")).map_err(failed())?;
        let promises = Promises::read(stage.folder()).map_err(failed())?;
        let base = self.path("base");
        let before = base.is_dir().then_some(base.as_path());
        let data = self.data().map_err(failed())?;
        let mut platter = Platter::new(&data, before).map_err(failed())?;
        let mut dice = Dice::new(cut.seed);
        let mut points: BTreeSet<usize> = (0..LOOKS)
            .map(|_| dice.below(recording.len().max(1) as u64))
            .filter_map(|point| usize::try_from(point).ok())
            .collect();
        points.remove(&(recording.len().saturating_sub(1)));
        for (number, deed) in recording.deeds().enumerate() {
            platter.go_on(deed);
            if let (true, Some(at_us)) = (points.contains(&number), recording.at_us(number)) {
                let model = model(&mut dice);
                let image = self.path("image");
                platter.image(model, &image).map_err(failed())?;
                let moment = Moment { at_us, model };
                self.look(stage, &image, &promises, moment).await?;
                fs::remove_dir_all(&image).map_err(failed())?;
            }
        }
        let image = self.path("next");
        platter.image(cut.model, &image).map_err(failed())?;
        if base.is_dir() {
            fs::remove_dir_all(&base).map_err(failed())?;
        }
        fs::rename(&image, &base).map_err(failed())?;
        fs::remove_dir_all(&data).map_err(failed())?;
        copy(&base, &data).map_err(failed())?;
        fs::remove_file(self.path("log")).map_err(failed())
    }

    /// Has the program read all of a store, and compares it with what was promised.
    async fn look(
        &mut self,
        stage: &Stage,
        image: &Path,
        promises: &Promises,
        moment: Moment,
    ) -> Result<(), ChaosError> {
        self.looked += 1;
        let found = match export(stage, image).await? {
            // Nothing was made durable yet, so nothing was promised.
            Err(said) if said.contains("not a Leasehold data folder") => Ok(BTreeMap::new()),
            found => found,
        };
        let wrong = match &found {
            Ok(found) => promises.broken(found, moment.at_us),
            Err(said) => Some(said.trim().to_owned()),
        };
        let Some(wrong) = wrong else { return Ok(()) };
        let kept = stage.folder().join("image");
        copy(image, &kept).map_err(ChaosError::io("keep the store"))?;
        let why = format!(
            "where {}: {wrong}\nthe store as the cut left it is kept in {}",
            told(moment.model),
            kept.display()
        );
        Err(ChaosError::failed("keep a promise over a power cut", why))
    }
}

#[derive(Debug, Clone, Copy)]
struct Moment {
    at_us: u64,
    model: Model,
}

fn model(dice: &mut Dice) -> Model {
    let seed = dice.any();
    match dice.below(4) {
        0 => Model::Worst,
        1 => Model::Mixed {
            seed,
            unit: SECTOR_BYTES,
        },
        _ => Model::Mixed {
            seed,
            unit: BLOCK_BYTES,
        },
    }
}

impl<const FJALL: bool> Nemesis for PowerCut<FJALL> {
    type Act = Cut;
    const NAME: &'static str = if FJALL {
        "power-cut-fjall"
    } else {
        "power-cut"
    };
    const ENOUGH: Duration = Duration::from_secs(3);

    fn set(&mut self, cast: &mut Cast) {
        let environment = self
            .data()
            .and_then(|data| self.shim.environment(&data, Some(&self.path("log")), None));
        for (name, value) in environment.unwrap_or_default() {
            cast.env(name, &value.to_string_lossy());
        }
        cast.hub_data = Some(self.path("data"));
        cast.knob("STORE_ENGINE", if FJALL { "fjall" } else { "sled" });
        cast.every = Duration::from_millis(10);
        cast.slots = 16;
        cast.knob("POOL_DEFAULTS_INTERRUPTIONS_MAX", "1000");
    }

    async fn link(&mut self, _who: Who, hub: SocketAddr) -> io::Result<SocketAddr> {
        if self.path("log").exists() {
            return Ok(hub);
        }
        let why =
            "the hub writes nothing down: it is linked so that nothing can be loaded before it";
        Err(io::Error::other(why))
    }

    fn draw(&mut self, _cast: &Cast, dice: &mut Dice, length: Duration) -> Vec<Step<Cut>> {
        let mut at = Duration::from_secs(1);
        let mut steps = Vec::new();
        while at < length {
            let (model, seed) = (model(dice), dice.any());
            let away = dice.millis(0, 200);
            let act = Cut { model, seed, away };
            steps.push(Step { at, act });
            at += dice.millis(300, 2_000);
        }
        steps
    }

    async fn act(&mut self, stage: &mut Stage, cut: &Cut) -> Result<(), ChaosError> {
        stage.fault("power cut", Who::Hub, &told(cut.model), Duration::ZERO);
        stage.kill(&[Who::Hub]).await?;
        self.cut(stage, cut).await?;
        tokio::time::sleep(cut.away).await;
        stage.start_all(&[Who::Hub]).await
    }

    async fn relent(&mut self, _stage: &mut Stage) -> Result<(), ChaosError> {
        let looked = self.looked;
        print(format!(
            "           besides, {looked} stores as cuts at other moments leave them were read whole"
        ));
        Ok(())
    }
}

/// What was said to producers and nodes, and when they had heard it.
struct Promises {
    enqueued: Vec<(u64, String)>,
    completed: Vec<(u64, String)>,
}

impl Promises {
    fn read(folder: &Path) -> io::Result<Self> {
        let (mut enqueued, mut completed) = (Vec::new(), Vec::new());
        for recorded in History::read(folder)?.entries {
            let at_us = recorded.entry.at_us;
            let what = recorded.entry.what;
            if let What::Acknowledged { task, .. } = &what {
                enqueued.push((at_us, task.clone()));
            }
            if let What::Answered {
                task,
                outcome: Outcome::Complete,
                answer: Answer::Taken,
                ..
            } = what
            {
                completed.push((at_us, task));
            }
        }
        Ok(Self {
            enqueued,
            completed,
        })
    }

    /// A promise of this time or before that what was found does not keep.
    fn broken(&self, found: &BTreeMap<String, String>, at_us: u64) -> Option<String> {
        let before = |(at, _): &&(u64, String)| *at < at_us;
        for (_, task) in self.enqueued.iter().filter(before) {
            if !found.contains_key(task) {
                return Some(format!("task {task} was acknowledged and is not there"));
            }
        }
        for (_, task) in self.completed.iter().filter(before) {
            let state = found.get(task).map_or("not there", String::as_str);
            if state != "completed" {
                return Some(format!("task {task} was completed and is {state}"));
            }
        }
        None
    }
}

/// The tasks in a store, and the state of each; or what the program says instead.
async fn export(
    stage: &Stage,
    data: &Path,
) -> Result<Result<BTreeMap<String, String>, String>, ChaosError> {
    let failed = || ChaosError::io("read a store");
    let program = match &stage.cast.hub_program {
        Some(program) => program.clone(),
        None => std::env::current_exe().map_err(failed())?,
    };
    let mut command = Command::new(program);
    command.kill_on_drop(true);
    command.arg("export").arg("--data").arg(data);
    let output = command.output().await.map_err(failed())?;
    if !output.status.success() {
        return Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let mut tasks = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let line: Value = serde_json::from_str(line)
            .map_err(|error| ChaosError::failed("read a store", error))?;
        if let Some(id) = line["task"]["id"].as_str() {
            tasks.insert(id.to_owned(), state(&line["task"]["state"]));
        }
    }
    Ok(Ok(tasks))
}

/// A word, or an object with one name.
fn state(state: &Value) -> String {
    let of_object = state.as_object().and_then(|of| of.keys().next().cloned());
    let word = state.as_str().map(str::to_owned);
    word.or(of_object).unwrap_or_default()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_promised_before_a_cut_must_be_there() {
        let promises = Promises {
            enqueued: vec![(10, "a".to_owned()), (20, "b".to_owned())],
            completed: vec![(30, "a".to_owned())],
        };
        let found = |tasks: &[(&str, &str)]| {
            let tasks = tasks.iter();
            tasks
                .map(|(id, state)| ((*id).to_owned(), (*state).to_owned()))
                .collect()
        };
        assert_eq!(promises.broken(&found(&[]), 10), None);
        assert!(promises.broken(&found(&[]), 11).is_some());
        assert_eq!(promises.broken(&found(&[("a", "ready")]), 15), None);
        let both = [("a", "ready"), ("b", "ready")];
        assert_eq!(promises.broken(&found(&both), 30), None);
        let wrong = promises.broken(&found(&both), 31).unwrap();
        assert_eq!(wrong, "task a was completed and is ready");
    }
}
