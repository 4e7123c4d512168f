//! `leasehold backup` and `leasehold restore`.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use leasehold_hub::{
    LogEngine,
    backup::{self, BackupError, Manifest, Unfinished},
    wall_clock,
};
use serde::Serialize;

use crate::{
    args::{BackupArgs, RestoreArgs},
    exit::Failure,
    output::{
        self,
        words::{count, size},
    },
};

/// Takes a backup, of a hub that runs or of a data folder.
pub(crate) async fn run(args: BackupArgs) -> Result<(), Failure> {
    let BackupArgs {
        folder,
        data,
        reach,
    } = args;
    let manifest = match &data {
        Some(data) => {
            let progress = Progress::new("reading");
            let taken = backup::back_up_folder(data, &folder, wall_clock(), &mut |done, of| {
                progress.tell(done, of);
            });
            taken.map_err(|error| failed(&format!("back up {}", data.display()), &error))?
        }
        None => of_hub(&folder, &reach).await?,
    };
    tell("backed up", &manifest, &folder, reach.json)?;
    say(
        reach.json,
        format!(
            "check it again at any time: leasehold verify {}",
            folder.display()
        ),
    )
}

async fn of_hub(folder: &Path, reach: &crate::args::Reach) -> Result<Manifest, Failure> {
    let what = format!("back up {} to {}", reach.hub, folder.display());
    let asked = |error| Failure::request(&what, &error);
    let written = |error| failed(&what, &error);
    let mut unfinished = Unfinished::begin(folder).map_err(written)?;
    let progress = Progress::new("reading");
    let mut taking = reach.inspector().begin_backup().await.map_err(asked)?;
    while let Some(bytes) = taking.next().await.map_err(asked)? {
        unfinished.write(&bytes).map_err(written)?;
        progress.tell(unfinished.bytes(), taking.bytes_in_all());
    }
    // It is whole, and the hub forgets it at the end of this session anyway.
    _ = taking.end().await;
    let progress = Progress::new("checking");
    let finished = unfinished.finish(wall_clock(), &mut |done, of| progress.tell(done, of));
    finished.map_err(written)
}

/// Makes a data folder of a backup.
pub(crate) async fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let RestoreArgs {
        backup,
        data,
        engine,
        json,
    } = args;
    let progress = Progress::new("restoring");
    let mut tell_bytes = |done, of| progress.tell(done, of);
    let restored = backup::restore(backup, data, *engine, wall_clock(), &mut tell_bytes);
    let what = format!("restore {} into {}", backup.display(), data.display());
    let manifest = restored.map_err(|error| failed(&what, &error))?;
    drop(progress);
    next_second().await;
    tell("restored", &manifest, data, *json)?;
    say(*json, run_it(data, *engine))
}

/// How to go on with a new data folder.
pub(crate) fn run_it(data: &Path, engine: LogEngine) -> String {
    let name = engine.name();
    let variable = if engine == LogEngine::default() {
        String::new()
    } else {
        format!("LEASEHOLD_STORE_ENGINE={name} ")
    };
    format!("run it: {variable}leasehold hub --data {}", data.display())
}

/// Epochs of a restored store go by the second of the restore: whoever restores the same backup
/// again does so in a later one.
async fn next_second() {
    let into_this_one = wall_clock().as_millis() % 1000;
    tokio::time::sleep(Duration::from_millis(1000 - into_this_one)).await;
}

fn say(is_json: bool, text: String) -> Result<(), Failure> {
    if is_json {
        return Ok(());
    }
    output::lines([text])
}

fn failed(what: &str, error: &BackupError) -> Failure {
    Failure::failed(what, error)
}

/// A manifest, and where it came to.
#[derive(Serialize)]
struct Done<'a> {
    folder: String,
    #[serde(flatten)]
    manifest: &'a Manifest,
}

fn tell(done: &str, manifest: &Manifest, folder: &Path, as_json: bool) -> Result<(), Failure> {
    let folder = folder.display().to_string();
    if as_json {
        return output::document(&Done { folder, manifest });
    }
    let (tasks, pools) = (
        count(manifest.tasks, "task"),
        count(manifest.pools.len() as u64, "pool"),
    );
    let text = format!(
        "{done}: {tasks} of {pools}, {}, as of {}, to {folder}",
        size(manifest.bytes()),
        manifest.taken_at
    );
    output::lines([text])
}

/// How far it is, on standard error if there is somebody to see it.
pub(crate) struct Progress {
    bar: ProgressBar,
    doing: &'static str,
}

impl Progress {
    pub(crate) fn new(doing: &'static str) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg}");
        let bar = if io::stderr().is_terminal() {
            ProgressBar::new_spinner().with_style(style.expect("the template is sound"))
        } else {
            ProgressBar::hidden()
        };
        Self { bar, doing }
    }

    pub(crate) fn tell(&self, done: u64, of: u64) {
        self.say(|doing| {
            let percent = (done * 100).checked_div(of).unwrap_or(100).min(100);
            format!(
                "{doing}: {} of {}, {percent} %",
                size(done),
                size(of.max(done))
            )
        });
    }

    /// Something of one's own.
    pub(crate) fn say(&self, text: impl FnOnce(&str) -> String) {
        if !self.bar.is_hidden() {
            self.bar.set_message(text(self.doing));
            self.bar.tick();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        // Whether anybody reads it changes nothing.
        let _ = io::stderr().flush();
    }
}
