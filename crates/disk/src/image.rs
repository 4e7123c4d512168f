//! What a power cut leaves.

use std::{
    borrow::Cow,
    fs::{self, File as DiskFile},
    io::{self, Seek, SeekFrom, Write},
    path::Path,
};

use crate::{BLOCK_BYTES, Chance, Platter, file::File, names::Tree, platter::ROOT};

/// How a disk forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Only what was synced is there: contents, lengths, and names.
    Worst,
    /// Each block that was written since is there or not, in the order of its own changes; so is the
    /// length of each file, and the first so many of the names.
    Mixed {
        /// What decides.
        seed: u64,
        /// Bytes of a block: [`BLOCK_BYTES`], or less to tear blocks as well.
        unit: usize,
    },
    /// All is there, as after a kill.
    All,
}

impl Platter {
    /// Writes the files that are there after a power cut now, into a folder that is made.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn image(&self, model: Model, into: &Path) -> io::Result<()> {
        fs::create_dir_all(into)?;
        match model {
            Model::Worst => self.write(self.folders.kept(), into, |file| file.kept().into()),
            Model::All => self.write(self.folders.now(), into, |file| file.now().into()),
            Model::Mixed { seed, unit } => {
                let mut chance = Chance::new(seed);
                let count = chance.below(self.folders.behind() as u64 + 1);
                let tree = self.folders.with(usize::try_from(count).unwrap_or(0));
                let per_mille = [100, 500, 900][usize::try_from(chance.below(3)).unwrap_or(0)];
                self.write(&tree, into, |file| {
                    file.mixed(unit, per_mille, &mut chance).into()
                })
            }
        }
    }

    fn write<'a>(
        &'a self,
        tree: &Tree,
        into: &Path,
        mut contents: impl FnMut(&'a File) -> Cow<'a, [u8]>,
    ) -> io::Result<()> {
        let mut outcome = Ok(());
        self.walk(tree, ROOT, Path::new(""), &mut |path, id| {
            let path = into.join(path);
            let written = match self.files.get(&id) {
                Some(file) => write_file(&path, &contents(file)),
                None => fs::create_dir_all(&path),
            };
            if outcome.is_ok() {
                outcome = written;
            }
        });
        outcome
    }
}

static EMPTY: [u8; BLOCK_BYTES * 16] = [0; BLOCK_BYTES * 16];

/// Without room for what is empty.
fn write_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = DiskFile::create(path)?;
    for block in contents.chunks(EMPTY.len()) {
        if *block == EMPTY[..block.len()] {
            file.seek(SeekFrom::Current(block.len().cast_signed() as i64))?;
        } else {
            file.write_all(block)?;
        }
    }
    file.set_len(contents.len() as u64)
}
