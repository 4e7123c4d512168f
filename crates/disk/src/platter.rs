//! The disk behind a process, deed by deed.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    Deed,
    file::File,
    names::{Folders, Id, Tree},
};

/// The root of all names.
pub(crate) const ROOT: Id = 0;

/// `O_TRUNC`, the same on all that Linux runs on here.
const O_TRUNC: u64 = 0o1000;

/// What is on disk, and what is durable of it, after any number of deeds.
#[derive(Debug, Default)]
pub struct Platter {
    root: PathBuf,
    /// All that there are or were; a folder is what is not here.
    pub(crate) files: BTreeMap<Id, File>,
    pub(crate) folders: Folders,
    next: Id,
    fds: HashMap<i32, Id>,
    /// Writes and syncs that have not ended, by number: of what, and when they began.
    under_way: HashMap<u64, (Id, usize)>,
    when: usize,
}

impl Platter {
    /// The folder as it was before the recording began, all of it durable.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn new(root: &Path, before: Option<&Path>) -> io::Result<Self> {
        let mut platter = Self {
            root: root.to_owned(),
            next: ROOT + 1,
            ..Self::default()
        };
        if let Some(before) = before {
            platter.load(ROOT, before)?;
        }
        Ok(platter)
    }

    fn load(&mut self, folder: Id, path: &Path) -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let id = self.number();
            let name = entry.file_name().to_string_lossy().into_owned();
            self.folders.found(folder, name, id);
            if entry.file_type()?.is_dir() {
                self.load(id, &entry.path())?;
            } else {
                self.files.insert(id, File::of(fs::read(entry.path())?));
            }
        }
        Ok(())
    }

    fn number(&mut self) -> Id {
        self.next += 1;
        self.next - 1
    }

    /// Goes on by a deed.
    pub fn go_on(&mut self, deed: Deed<'_>) {
        self.when += 1;
        let when = self.when;
        match deed {
            Deed::Open {
                fd,
                path,
                flags,
                made,
            } => self.open(fd, path, flags, made),
            Deed::Close(fd) => _ = self.fds.remove(&fd),
            Deed::Copy(fd, to) => {
                if let Some(id) = self.fds.get(&fd).copied() {
                    self.fds.insert(to, id);
                }
            }
            Deed::Write {
                fd,
                at,
                number,
                bytes,
                durable,
            } => {
                if let Some((id, file)) = self.file(fd) {
                    file.write(when, at, bytes);
                    if durable {
                        self.under_way.insert(number, (id, when));
                    }
                }
            }
            Deed::Written { number, outcome } => self.written(number, outcome),
            Deed::Truncate(fd, len) => {
                if let Some((_, file)) = self.file(fd) {
                    file.truncate(when, len);
                }
            }
            Deed::Allocate(fd, len) => {
                if let Some((_, file)) = self.file(fd) {
                    file.allocate(when, len);
                }
            }
            Deed::SyncBegins(fd, number) => {
                if let Some(id) = self.fds.get(&fd) {
                    self.under_way.insert(number, (*id, when));
                }
            }
            Deed::Synced(number) => self.synced(number),
            Deed::Rename(from, to) => self.rename(from, to),
            Deed::Unlink(path) => self.unlink(path),
            Deed::MakeFolder(path) => _ = self.make(path),
            Deed::Note(_) => {}
        }
    }

    fn open(&mut self, fd: i32, path: &str, flags: u64, made: bool) {
        let id = match self.find(path) {
            Some(id) => id,
            None if made => {
                let Some(id) = self.make(path) else { return };
                self.files.insert(id, File::default());
                id
            }
            None => return,
        };
        if flags & O_TRUNC != 0
            && !made
            && let Some(file) = self.files.get_mut(&id)
        {
            file.truncate(self.when, 0);
        }
        self.fds.insert(fd, id);
    }

    fn file(&mut self, fd: i32) -> Option<(Id, &mut File)> {
        let id = *self.fds.get(&fd)?;
        Some((id, self.files.get_mut(&id)?))
    }

    fn written(&mut self, number: u64, outcome: i64) {
        let Some((id, when)) = self.under_way.remove(&number) else {
            return;
        };
        if let Some(file) = self.files.get_mut(&id) {
            match usize::try_from(outcome) {
                Ok(len) => file.sync_write(when, len),
                Err(_) => file.take_back(when),
            }
        }
    }

    fn synced(&mut self, number: u64) {
        let Some((id, when)) = self.under_way.remove(&number) else {
            return;
        };
        match self.files.get_mut(&id) {
            Some(file) => file.sync(when),
            None => self.folders.sync(id, when),
        }
    }

    /// The folder of a path, and its name there.
    fn place<'a>(&self, path: &'a str) -> Option<(Id, &'a str)> {
        let (folder, name) = path.rsplit_once('/')?;
        Some((self.find(folder)?, name))
    }

    fn find(&self, path: &str) -> Option<Id> {
        let within = Path::new(path).strip_prefix(&self.root).ok()?;
        let mut id = ROOT;
        for part in within {
            id = *self.folders.now().get(&id)?.get(part.to_str()?)?;
        }
        Some(id)
    }

    fn make(&mut self, path: &str) -> Option<Id> {
        let (folder, name) = self.place(path)?;
        let id = self.number();
        let entry = (folder, name.to_owned(), Some(id));
        self.folders.change(self.when, vec![entry]);
        Some(id)
    }

    fn unlink(&mut self, path: &str) {
        if let Some((folder, name)) = self.place(path) {
            let entry = (folder, name.to_owned(), None);
            self.folders.change(self.when, vec![entry]);
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        let (Some(from_place), Some(to_place)) = (self.place(from), self.place(to)) else {
            return;
        };
        let id = self.find(from);
        let entries = vec![
            (from_place.0, from_place.1.to_owned(), None),
            (to_place.0, to_place.1.to_owned(), id),
        ];
        self.folders.change(self.when, entries);
    }

    /// The files of which something is not durable, by their paths in the folder.
    #[must_use]
    pub fn behind(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        self.walk(self.folders.now(), ROOT, Path::new(""), &mut |path, id| {
            if self.files.get(&id).is_some_and(File::is_behind) {
                found.push(path.to_owned());
            }
        });
        found
    }

    /// Calls with all files and folders of a tree.
    pub(crate) fn walk(
        &self,
        tree: &Tree,
        folder: Id,
        path: &Path,
        visit: &mut impl FnMut(&Path, Id),
    ) {
        for (name, id) in tree.get(&folder).into_iter().flatten() {
            let path = path.join(name);
            visit(&path, *id);
            self.walk(tree, *id, &path, visit);
        }
    }

    /// Compares what the deeds lead to with what is in a folder: says what differs. A difference after
    /// a whole recording says that something was done past the shim.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn compare(&self, folder: &Path) -> io::Result<Option<String>> {
        let mut files = BTreeMap::new();
        self.walk(self.folders.now(), ROOT, Path::new(""), &mut |path, id| {
            if let Some(file) = self.files.get(&id) {
                files.insert(path.to_owned(), file.now());
            }
        });
        let mut paths = vec![folder.to_owned()];
        while let Some(path) = paths.pop() {
            for entry in fs::read_dir(&path)? {
                let path = entry?.path();
                if path.is_dir() {
                    paths.push(path);
                    continue;
                }
                let name = path.strip_prefix(folder).unwrap_or(&path).to_owned();
                let expected = files.remove(&name);
                let found = fs::read(&path)?;
                if expected.as_ref() != Some(&found) {
                    let expected = expected.map_or_else(
                        || "there is none".to_owned(),
                        |of| {
                            let same = of.iter().zip(&found).take_while(|(a, b)| a == b).count();
                            format!("{} bytes, the same up to byte {same}", of.len())
                        },
                    );
                    let (name, len) = (name.display(), found.len());
                    return Ok(Some(format!(
                        "{name} has {len} bytes; by the recording, {expected}"
                    )));
                }
            }
        }
        let missing = files.into_keys().next();
        Ok(missing.map(|name| format!("{} is not there", name.display())))
    }
}
