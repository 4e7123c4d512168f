//! `leasehold export` and `leasehold import`: all of a data folder as lines, and back.

use std::{
    fmt::Display,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write},
    path::Path,
};

use indicatif::{ProgressBar, ProgressStyle};
use leasehold_hub::{
    LogEngine,
    backup::restore,
    transfer::{self, Tally, TransferError},
    wall_clock,
};
use tempfile::NamedTempFile;

use crate::{
    args::{ExportArgs, ImportArgs},
    backup::run_it,
    exit::Failure,
    output::words::{count, size},
};

const BUFFER_BYTES: usize = 256 * 1024;

/// Writes all that a data folder, or a backup, holds.
pub(crate) fn export(args: &ExportArgs) -> Result<(), Failure> {
    match &args.backup {
        Some(backup) => export_backup(backup, args),
        None => export_data(&args.data, args),
    }
}

/// By way of a data folder that is removed again, beside where the lines go.
fn export_backup(backup: &Path, args: &ExportArgs) -> Result<(), Failure> {
    let beside = args.out.as_deref().map_or(Path::new("."), folder_of);
    let failed =
        |error: &dyn Display| Failure::failed(format!("export {}", backup.display()), error);
    let mut scratch = tempfile::Builder::new();
    let scratch = scratch.prefix(".leasehold-export-").tempdir_in(beside);
    let scratch = scratch.map_err(|error| failed(&error))?;
    let engine = LogEngine::default();
    let mut quietly = |_, _| {};
    restore(backup, scratch.path(), engine, wall_clock(), &mut quietly)
        .map_err(|error| failed(&error))?;
    export_data(scratch.path(), args)
}

fn export_data(data: &Path, args: &ExportArgs) -> Result<(), Failure> {
    let failed = |error| failed_to("export", data, &error);
    let progress = Progress::new("exported");
    let mut tell = |tally: &Tally| progress.tell(tally);
    let Some(path) = &args.out else {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
        transfer::export_folder(data, &mut out, &mut tell).map_err(failed)?;
        return Ok(());
    };
    let cannot_write = |error| Failure::failed(format!("write {}", path.display()), error);
    let mut file = Whole::new(path).map_err(cannot_write)?;
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, file.0.as_file_mut());
    let tally = transfer::export_folder(data, &mut out, &mut tell).map_err(failed)?;
    drop(out);
    file.keep(path).map_err(cannot_write)?;
    progress.sum_up(&tally, path);
    Ok(())
}

/// Makes a data folder of what was written.
pub(crate) fn import(args: &ImportArgs) -> Result<(), Failure> {
    let cannot_read = |error| Failure::failed(format!("read {}", args.file.display()), error);
    let mut from: Box<dyn BufRead> = if args.file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(&args.file).map_err(cannot_read)?;
        Box::new(BufReader::with_capacity(BUFFER_BYTES, file))
    };
    let progress = Progress::new("imported");
    let mut tell = |tally: &Tally| progress.tell(tally);
    let imported = transfer::import_folder(&args.data, args.engine, &mut from, &mut tell);
    let tally = imported.map_err(|error| failed_to("import into", &args.data, &error))?;
    progress.sum_up(&tally, &args.data);
    // Whether anybody reads it changes nothing.
    _ = writeln!(io::stderr(), "{}", run_it(&args.data, args.engine));
    Ok(())
}

fn failed_to(what: &str, data: &Path, error: &TransferError) -> Failure {
    let is_broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    if matches!(error, TransferError::Write(error) if is_broken(error)) {
        return Failure::BrokenPipe;
    }
    Failure::failed(format!("{what} {}", data.display()), error)
}

/// A file that has its name only once it is whole and on the disk.
struct Whole(NamedTempFile);

impl Whole {
    fn new(path: &Path) -> io::Result<Self> {
        if path.try_exists()? {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is there already",
            ));
        }
        let mut unfinished = tempfile::Builder::new();
        unfinished.prefix(".leasehold-export-");
        unfinished.tempfile_in(folder_of(path)).map(Self)
    }

    fn keep(self, path: &Path) -> io::Result<()> {
        self.0.as_file().sync_all()?;
        self.0.persist_noclobber(path)?;
        File::open(folder_of(path))?.sync_all()
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// How far it is, on standard error if there is somebody to see it.
struct Progress {
    bar: ProgressBar,
    done: &'static str,
}

impl Progress {
    fn new(done: &'static str) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg}");
        let bar = if io::stderr().is_terminal() {
            ProgressBar::new_spinner().with_style(style.expect("the template is sound"))
        } else {
            ProgressBar::hidden()
        };
        Self { bar, done }
    }

    fn tell(&self, tally: &Tally) {
        self.bar.set_message(self.words(tally));
        self.bar.tick();
    }

    /// The last word, which is for logs as well.
    fn sum_up(&self, tally: &Tally, to: &Path) {
        self.bar.finish_and_clear();
        let text = format!("{} to {}", self.words(tally), to.display());
        // Whether anybody reads it changes nothing.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    fn words(&self, tally: &Tally) -> String {
        let (tasks, pools) = (count(tally.tasks, "task"), count(tally.pools, "pool"));
        let bytes = size(tally.bytes);
        format!(
            "{}: {tasks} of {pools}, {bytes} of payloads and results",
            self.done
        )
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
