//! Writes that reach the disk in the order in which they were made.
//!
//! sled writes its log in segments of 512 KiB, several of them for a lot that comes from the journal,
//! and takes it that one is on disk when `sync_file_range` has returned. It is not: that call waits for
//! the disk to have taken the bytes, and neither for its cache nor for the length of the file. A power
//! cut before the next real sync may leave a segment that was written anew, and not the one to which
//! its pages had moved. Of 120 images of such cuts with blocks missing (`tests/power_cut.rs`, a journal
//! of 4 MiB, 700 commits) three opened empty, and of as many with what is done here none.
//!
//! So the file is made *synchronous* (`chattr +S`): each write of sled's is on disk when it returns, as
//! sled thinks that it is. A power cut then leaves what a kill leaves, and that sled stands. It writes
//! seldom and much at once, off everybody's way, so this costs little.
//!
//! ext4, xfs, btrfs and f2fs have this, and whatever is stacked on them passes it on; the flag stays on
//! the file. Where there is no such thing a power cut in such a moment may still cost the store: the
//! hub says so when it starts.

use std::path::Path;

/// Makes sled's file synchronous, if it is there.
#[cfg(target_os = "linux")]
pub(super) fn keep_writes_in_order(path: &Path) {
    use std::fs::File;

    use rustix::fs::{IFlags, fstatfs, ioctl_getflags, ioctl_setflags};

    let Ok(file) = File::open(path.join(super::DB)) else {
        return;
    };
    let set = ioctl_getflags(&file).and_then(|flags| {
        if flags.contains(IFlags::SYNC) {
            return Ok(());
        }
        ioctl_setflags(&file, flags | IFlags::SYNC)
    });
    // tmpfs forgets everything with the power. The number has another type on each machine.
    let is_tmpfs = || fstatfs(&file).is_ok_and(|of| of.f_type == 0x0102_1994);
    if let Err(error) = set
        && !is_tmpfs()
    {
        tracing::warn!(
            folder = %path.display(), %error,
            "the file system has no synchronous files: if the power goes in the middle of a write, \
             sled may not open again. Use ext4, xfs or btrfs, or engine = \"fjall\" in [store]"
        );
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn keep_writes_in_order(_path: &Path) {}
