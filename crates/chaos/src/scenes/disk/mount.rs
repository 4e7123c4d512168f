//! A disk of the scene's own: a small file system in a file, which can be filled, and in which the
//! kernel can be made to find an error.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use nix::{
    sys::stat::{major, minor},
    unistd::geteuid,
};

use crate::{scenes::ground::FOLDER, teller::print};

/// The small disk.
const DISK_BYTES: u64 = 192 << 20;

/// What is left when it is filled: less than the reserve.
const LEFT_BYTES: u64 = 8 << 20;

/// Whose place it is: this, and the process.
const PLACE: &str = "place-";

/// What the kernel does when it finds an error in it.
const OPTIONS: &str = "loop,errors=remount-ro";

/// Of e2fsck: errors are left, or it could not look (e2fsck(8), EXIT CODE).
const NOT_MENDED: i32 = 4;

/// A small file system in a file, mounted while this lives.
#[derive(Debug)]
pub(super) struct Mount {
    path: PathBuf,
    image: PathBuf,
    /// The loop device; nobody else's may be broken.
    device: String,
    _place: Place,
}

impl Mount {
    /// Makes it, or says why this machine does not allow it.
    pub(super) fn make(folder: &Path) -> Result<Self, String> {
        if !geteuid().is_root() {
            return Err("only root mounts a disk".to_owned());
        }
        sweep();
        let said = |error: io::Error| error.to_string();
        let folder = folder.canonicalize().map_err(said)?;
        let image = folder.join("disk.img");
        let made = File::create(&image).and_then(|file| file.set_len(DISK_BYTES));
        made.map_err(said)?;
        run("mkfs.ext4", &["-q", "-F", "-m", "0", &text(&image)])?;
        let place = Place::make(folder.join(format!("{PLACE}{}", std::process::id())))?;
        let path = place.0.join("disk");
        fs::create_dir(&path).map_err(said)?;
        mount(&image, &path)?;
        let device = device(&path, &image).map_err(said)?;
        Ok(Self {
            path,
            image,
            device,
            _place: place,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves less than the reserve.
    pub(super) fn fill(&self) -> io::Result<()> {
        let mut filler = File::create(self.path.join("filler"))?;
        let block = vec![7; 1 << 20];
        let free = || -> io::Result<u64> {
            let told = nix::sys::statvfs::statvfs(&self.path)?;
            Ok(told.blocks_available() * told.fragment_size())
        };
        while free()? > LEFT_BYTES {
            filler.write_all(&block)?;
            filler.sync_data()?;
        }
        Ok(())
    }

    /// Frees that again, durably: an error in the file system would undo it.
    pub(super) fn free(&self) -> io::Result<()> {
        match fs::remove_file(self.path.join("filler")) {
            Ok(()) => File::open(&self.path)?.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether it can be broken and mended here, and if not, why.
    pub(super) fn is_breakable(&self) -> Result<(), String> {
        run("e2fsck", &["-V"])?;
        let trigger = trigger(&self.device);
        let opened = File::options().write(true).open(&trigger);
        opened.map_err(|error| format!("{}: {error}", trigger.display()))?;
        Ok(())
    }

    /// The kernel finds an error in it, and from then on takes no write for it from anybody.
    pub(super) fn break_it(&mut self) -> io::Result<()> {
        self.device = device(&self.path, &self.image)?;
        fs::write(trigger(&self.device), "1")?;
        match File::create(self.path.join("probe")) {
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(io::Error::other("the kernel did not make it read-only")),
        }
    }

    /// Takes it away from under whoever is in it: its path is an empty folder then.
    pub(super) fn take_away(&self) -> Result<(), String> {
        run("umount", &["-l", &text(&self.path)])
    }

    /// Whether nobody has anything of it open any more, after it was taken away.
    pub(super) fn is_free(&self) -> bool {
        backing(&self.device).is_none_or(|file| file != self.image)
    }

    /// Checks it, mends it, and mounts it where it was. It must be free.
    pub(super) fn mend(&self) -> Result<(), String> {
        let image = text(&self.image);
        let output = Command::new("e2fsck").args(["-p", &image]).output();
        let output = output.map_err(|error| format!("e2fsck: {error}"))?;
        if output.status.code().is_none_or(|code| code >= NOT_MENDED) {
            let said = String::from_utf8_lossy(&output.stdout);
            return Err(format!("e2fsck: {}: {}", output.status, said.trim()));
        }
        mount(&self.image, &self.path)
    }
}

/// A folder that is mounted on itself, shared: what is unmounted in it is unmounted in all namespaces
/// that were made meanwhile, such as those of a partition that is played beside this. Else they
/// would keep the disk for as long as they live.
#[derive(Debug)]
struct Place(PathBuf);

impl Place {
    fn make(path: PathBuf) -> Result<Self, String> {
        fs::create_dir(&path).map_err(|error| error.to_string())?;
        let name = text(&path);
        run("mount", &["--bind", &name, &name])?;
        let place = Self(path);
        run("mount", &["--make-shared", &name])?;
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // With all that is in it, and lazily: a process that is being killed may still be there.
        if let Err(why) = run("umount", &["-l", "-R", &text(&self.0)]) {
            print(format!("{} stays mounted: {why}", self.0.display()));
        }
    }
}

/// Unmounts what runs left that were killed.
fn sweep() {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let paths = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    for path in paths {
        let is_gone = |owner| !fs::exists(format!("/proc/{owner}")).unwrap_or(true);
        if owner_of(Path::new(path)).is_some_and(is_gone) {
            _ = run("umount", &["-l", "-R", path]);
        }
    }
}

/// The process that made this place, if it is one.
fn owner_of(place: &Path) -> Option<u32> {
    let folder = place.parent()?.file_name()?.to_str()?;
    let name = place.file_name()?.to_str()?;
    folder.starts_with(FOLDER).then_some(())?;
    name.strip_prefix(PLACE)?.parse().ok()
}

fn mount(image: &Path, path: &Path) -> Result<(), String> {
    run("mount", &["-o", OPTIONS, &text(image), &text(path)])
}

/// The loop device that is mounted here, if it has that file.
fn device(path: &Path, image: &Path) -> io::Result<String> {
    let number = fs::metadata(path)?.dev();
    let link = format!("/sys/dev/block/{}:{}", major(number), minor(number));
    let device = fs::canonicalize(link)?;
    let name = device.file_name().map(|name| name.to_string_lossy());
    name.filter(|name| backing(name).is_some_and(|file| file == image))
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| io::Error::other(format!("{} is no loop device", device.display())))
}

/// The file of a loop device.
fn backing(device: &str) -> Option<PathBuf> {
    let file = fs::read_to_string(format!("/sys/block/{device}/loop/backing_file")).ok()?;
    Some(PathBuf::from(file.trim_end_matches('\n')))
}

fn trigger(device: &str) -> PathBuf {
    Path::new("/sys/fs/ext4")
        .join(device)
        .join("trigger_fs_error")
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", said.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_runs_are_swept() {
        let owner = |path: &str| owner_of(Path::new(path));
        assert_eq!(owner("/tmp/leasehold-disk-x1/place-4711"), Some(4711));
        for other in [
            "/",
            "/srv",
            "/tmp/other/place-4711",
            "/tmp/leasehold-disk-x1/place",
            "/tmp/leasehold-disk-x1/place-4711/disk",
        ] {
            assert_eq!(owner(other), None, "{other}");
        }
    }
}
