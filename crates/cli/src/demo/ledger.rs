//! A witness that is not the hub: a file to which each run of a task adds a line when it begins and
//! when it ends.

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use leasehold_node::{LeaseId, TaskId};

/// In the folder in which the workers run.
pub(super) const FILE: &str = "ledger";

/// What a line tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Begun,
    Ended,
}

impl Mark {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Ended => "ended",
        }
    }
}

/// One run of a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Run {
    pub(super) task: TaskId,
    pub(super) lease: LeaseId,
    pub(super) node: String,
}

/// Adds a line on the task in whose environment this runs. A short write to a file that is opened
/// for appending is not torn by others.
pub(super) fn append(mark: Mark) -> io::Result<()> {
    let of = |name: &str| std::env::var(name).map_err(io::Error::other);
    let (task, lease) = (of("LEASEHOLD_TASK_ID")?, of("LEASEHOLD_LEASE")?);
    let line = format!(
        "{} {task} {lease} {}\n",
        mark.as_str(),
        of("LEASEHOLD_NODE")?
    );
    let mut file = OpenOptions::new().append(true).create(true).open(FILE)?;
    file.write_all(line.as_bytes())
}

/// What the runs have told so far.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// In the order of their beginnings.
    begun: Vec<Run>,
    ended: HashSet<Run>,
}

impl Ledger {
    /// Reads it in this folder; before the first run there is none.
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        match fs::read_to_string(folder.join(FILE)) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn parse(text: &str) -> Self {
        let mut ledger = Self::default();
        for (mark, run) in text.lines().filter_map(parse_line) {
            match mark {
                Mark::Begun => ledger.begun.push(run),
                Mark::Ended => drop(ledger.ended.insert(run)),
            }
        }
        ledger
    }

    /// Runs that have not ended; those of workers that were killed never do.
    fn running(&self) -> impl Iterator<Item = &Run> {
        self.begun.iter().filter(|run| !self.ended.contains(run))
    }

    /// Runs of this node that have not ended. The hub has taken from it what it was granted up to
    /// the lease `taken`: a worker that stood still begins, when it goes on, the tasks that had
    /// come meanwhile, until it hears that they are no longer its own. Of those runs nothing is to
    /// be expected, and as they are stopped most of them never end.
    pub(super) fn held_by(&self, node: &str, taken: Option<LeaseId>) -> impl Iterator<Item = &Run> {
        self.running()
            .filter(move |run| run.node == node && taken.is_none_or(|taken| run.lease > taken))
    }

    /// Whether nobody began this task under a newer lease.
    pub(super) fn is_newest(&self, run: &Run) -> bool {
        self.newest_after(run).is_none()
    }

    pub(super) fn has_begun(&self, run: &Run) -> bool {
        self.begun.contains(run)
    }

    /// The newest lease under which this task was begun after this run's.
    pub(super) fn newest_after(&self, run: &Run) -> Option<LeaseId> {
        let leases = self.of_task(run.task).map(|(other, _)| other.lease);
        leases.filter(|lease| *lease > run.lease).max()
    }

    /// All runs of this task, and whether each has ended.
    pub(super) fn of_task(&self, task: TaskId) -> impl Iterator<Item = (&Run, bool)> {
        let runs = self.begun.iter().filter(move |run| run.task == task);
        runs.map(|run| (run, self.ended.contains(run)))
    }

    /// How many tasks were run more than once.
    pub(super) fn ran_again(&self) -> usize {
        let mut seen = HashSet::new();
        let again = self.begun.iter().filter(|run| !seen.insert(run.task));
        again.map(|run| run.task).collect::<HashSet<_>>().len()
    }
}

fn parse_line(line: &str) -> Option<(Mark, Run)> {
    let mut words = line.split(' ');
    let word = words.next()?;
    let mark = [Mark::Begun, Mark::Ended]
        .into_iter()
        .find(|mark| mark.as_str() == word)?;
    let (task, lease) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let node = words.next()?.to_owned();
    Some((mark, Run { task, lease, node }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const TWO: &str = "01890a5d-ac96-774b-bcce-b302099a8058";

    #[test]
    fn what_began_and_did_not_end_is_running() {
        let text =
            format!("begun {ONE} 1-1-1 a\nbegun {TWO} 1-1-2 b\nended {ONE} 1-1-1 a\nbegun {TWO} ");
        let ledger = Ledger::parse(&text);
        let running: Vec<_> = ledger.running().map(|run| run.node.as_str()).collect();
        assert_eq!(running, ["b"]);
        assert_eq!(ledger.ran_again(), 0);
    }

    #[test]
    fn a_task_that_ran_twice_is_counted_once() {
        let text = format!("begun {ONE} 1-1-1 a\nbegun {ONE} 1-1-2 b\nbegun {ONE} 1-1-3 c\n");
        let ledger = Ledger::parse(&text);
        assert_eq!(ledger.ran_again(), 1);
        let newest: Vec<_> = ledger
            .begun
            .iter()
            .map(|run| ledger.is_newest(run))
            .collect();
        assert_eq!(newest, [false, false, true]);
    }

    /// What came to a frozen worker before the hub gave it up: the worker began it when it was
    /// woken, under a lease that was another's by then, and was stopped before its end.
    #[test]
    fn what_a_zombie_began_is_held_by_nobody() {
        let ledger = Ledger::parse(&format!(
            "begun {ONE} 1-1-148 other\nended {ONE} 1-1-148 other\nbegun {ONE} 1-1-89 woken\n\
             begun {TWO} 1-1-160 woken\n"
        ));
        let taken = Some("1-1-148".parse().unwrap());
        let held: Vec<_> = ledger.held_by("woken", taken).collect();
        assert_eq!(held.len(), 1);
        assert_eq!(held[0].task, TWO.parse().unwrap());
        assert_eq!(ledger.held_by("woken", None).count(), 2);
        assert_eq!(ledger.held_by("other", None).count(), 0);
    }

    #[test]
    fn a_run_that_a_zombie_began_later_does_not_make_the_good_one_old() {
        let text = format!("begun {ONE} 1-1-148 other\nbegun {ONE} 1-1-89 woken\n");
        let ledger = Ledger::parse(&text);
        let newest: Vec<_> = ledger.of_task(ONE.parse().unwrap()).collect();
        assert!(ledger.is_newest(newest[0].0));
        assert!(!ledger.is_newest(newest[1].0));
        let elsewhere = ledger.newest_after(newest[1].0);
        assert_eq!(elsewhere, Some("1-1-148".parse().unwrap()));
        assert!(ledger.has_begun(newest[0].0));
    }

    #[test]
    fn before_the_first_run_it_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Ledger::read(folder.path()).unwrap().running().count(), 0);
    }
}
