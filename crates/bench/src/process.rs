//! What the system says of processes and folders: memory, processor time, bytes on disk.

use std::{fs, os::unix::fs::MetadataExt, path::Path, time::Duration};

/// What processes have used up to now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Memory that they have now, in bytes, what is shared counted for each.
    pub(crate) memory: u64,
    /// The most of it that they ever had.
    pub(crate) memory_most: u64,
    /// Processor time since they began.
    pub(crate) processor: Duration,
}

/// Of all these together; one that is gone uses nothing.
pub(crate) fn usage(pids: &[u32]) -> Usage {
    pids.iter()
        .map(|pid| usage_of(&pid.to_string()))
        .fold(Usage::default(), |all, one| Usage {
            memory: all.memory + one.memory,
            memory_most: all.memory_most + one.memory_most,
            processor: all.processor + one.processor,
        })
}

/// Of the bench itself.
pub(crate) fn own_usage() -> Usage {
    usage_of("self")
}

fn usage_of(pid: &str) -> Usage {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let status = read("status");
    Usage {
        memory: kilobytes(&status, "VmRSS:"),
        memory_most: kilobytes(&status, "VmHWM:"),
        processor: processor(&read("stat")),
    }
}

fn kilobytes(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    let number: Option<u64> = number.and_then(|number| number.parse().ok());
    number.unwrap_or(0) * 1024
}

/// `utime` and `stime` of `stat`, which count in hundredths of a second on every Linux there is.
fn processor(stat: &str) -> Duration {
    // The second field is the name in parentheses, and may have spaces in it.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = rest.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Bytes on disk of all files under a folder: what is allocated, not what is written.
pub(crate) fn disk_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let of_entry = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(of_entry).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_understood() {
        let status = "Name:\tx\nVmHWM:\t     220 kB\nVmRSS:\t     120 kB\n";
        assert_eq!(kilobytes(status, "VmRSS:"), 120 * 1024);
        assert_eq!(kilobytes(status, "VmHWM:"), 220 * 1024);
        let stat = "7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20";
        assert_eq!(processor(stat), Duration::from_secs(2));
    }

    #[test]
    fn who_runs_has_memory_and_who_does_not_has_none() {
        assert!(own_usage().memory > 0);
        assert_eq!(usage(&[u32::MAX]), Usage::default());
    }

    #[test]
    fn files_in_folders_count() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        fs::write(folder.path().join("in/file"), vec![1; 10_000]).unwrap();
        assert!(disk_bytes(folder.path()) >= 8192);
    }
}
