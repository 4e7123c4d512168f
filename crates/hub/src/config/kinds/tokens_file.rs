//! The path of the file with the tokens.

use std::path::PathBuf;

use super::{Folder, Kind, Raw};

/// As of a folder, in other words.
pub(in crate::config) struct TokensFile;

impl Kind<PathBuf> for TokensFile {
    fn read(&self, raw: &Raw) -> Result<PathBuf, String> {
        Folder.read(raw).map_err(|_| self.allowed())
    }

    fn show(&self, value: &PathBuf) -> String {
        Folder.show(value)
    }

    fn allowed(&self) -> String {
        "allowed the path of a file".into()
    }

    fn is_quoted(&self, value: &PathBuf) -> bool {
        Folder.is_quoted(value)
    }
}
