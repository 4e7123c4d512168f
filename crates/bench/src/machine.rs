//! On what it was measured.

use std::{fs, path::Path};

use serde::Serialize;

use crate::options;

/// The machine, as far as its figures depend on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Machine {
    /// Cores that the bench and the hub may use.
    pub(crate) cores: usize,
    /// What the processor calls itself.
    pub(crate) processor: String,
    /// The memory there is, in bytes.
    pub(crate) memory_bytes: u64,
    /// The kernel's name and release.
    pub(crate) kernel: String,
    /// The file system of the folder with the data, such as `ext4`.
    pub(crate) filesystem: String,
    /// The device that it is on.
    pub(crate) device: String,
}

impl Machine {
    /// This one, with the data in this folder. What the system does not tell is empty.
    pub(crate) fn here(folder: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let folder = folder.canonicalize().unwrap_or_default();
        let (filesystem, device) = mount(&read("/proc/self/mountinfo"), &folder);
        let field = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let value = line.map(|rest| rest.trim_start_matches([':', ' ', '\t']));
            value.unwrap_or_default().to_owned()
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let memory: Option<u64> = memory
            .split_whitespace()
            .next()
            .and_then(|number| number.parse().ok());
        Self {
            cores: options::cores(),
            processor: field(&read("/proc/cpuinfo"), "model name"),
            memory_bytes: memory.unwrap_or(0) * 1024,
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            filesystem,
            device,
        }
    }

    /// On one line.
    pub(crate) fn line(&self) -> String {
        let memory = self.memory_bytes / (1024 * 1024 * 1024);
        format!(
            "{} cores ({}), {memory} GiB, {}, {} on {}",
            self.cores, self.processor, self.kernel, self.filesystem, self.device
        )
    }
}

/// The file system and the device of the innermost mount that a path is under.
fn mount(mounts: &str, path: &Path) -> (String, String) {
    let parsed = mounts.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?;
        let mut after = after.split(' ');
        Some((point, after.next()?, after.next()?))
    });
    let around = parsed.filter(|(point, ..)| path.starts_with(point));
    // Of two at one place the later one hides the other.
    let innermost = around.max_by_key(|(point, ..)| point.len());
    innermost.map_or_else(Default::default, |(_, kind, device)| {
        (kind.to_owned(), device.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "\
22 1 254:0 / / rw - ext4 /dev/vda rw
30 22 0:25 / /tmp rw shared:5 - tmpfs tmpfs rw
31 22 0:26 / /tmpx rw - xfs /dev/vdb rw
";
        let of = |path: &str| mount(mounts, Path::new(path)).0;
        assert_eq!(of("/tmp/a"), "tmpfs");
        assert_eq!(of("/tmpx/a"), "xfs");
        assert_eq!(of("/var"), "ext4");
        assert_eq!(mount("", Path::new("/")), Default::default());
    }

    #[test]
    fn this_machine_has_cores_and_a_kernel() {
        let machine = Machine::here(Path::new("."));
        assert!(machine.cores > 0);
        assert!(machine.kernel.len() > "Linux ".len());
    }
}
