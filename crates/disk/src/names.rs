//! Folders: which names in them are durable, and which are only there now.

use std::collections::BTreeMap;

/// A file or folder, by number.
pub(crate) type Id = usize;

/// The names in a folder.
pub(crate) type Names = BTreeMap<String, Id>;

/// The names in all folders.
pub(crate) type Tree = BTreeMap<Id, Names>;

/// Names that change together.
#[derive(Debug, Clone)]
pub(crate) struct NameChange {
    when: usize,
    entries: Vec<Entry>,
}

/// A name in a folder, and what has it from now on.
pub(crate) type Entry = (Id, String, Option<Id>);

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folders {
    now: Tree,
    kept: Tree,
    changes: Vec<NameChange>,
}

impl Folders {
    /// A name that was there from the beginning.
    pub(crate) fn found(&mut self, folder: Id, name: String, id: Id) {
        for tree in [&mut self.now, &mut self.kept] {
            tree.entry(folder).or_default().insert(name.clone(), id);
        }
    }

    pub(crate) fn change(&mut self, when: usize, entries: Vec<Entry>) {
        apply(&mut self.now, &entries);
        self.changes.push(NameChange { when, entries });
    }

    /// Makes durable what was done to a folder before.
    pub(crate) fn sync(&mut self, folder: Id, before: usize) {
        for change in std::mem::take(&mut self.changes) {
            let concerns = change.entries.iter().any(|(of, _, _)| *of == folder);
            if concerns && change.when < before {
                apply(&mut self.kept, &change.entries);
            } else {
                self.changes.push(change);
            }
        }
    }

    pub(crate) fn now(&self) -> &Tree {
        &self.now
    }

    pub(crate) fn kept(&self) -> &Tree {
        &self.kept
    }

    /// How many changes are not durable.
    pub(crate) fn behind(&self) -> usize {
        self.changes.len()
    }

    /// With the first so many of these, for file systems write them in their order.
    pub(crate) fn with(&self, count: usize) -> Tree {
        let mut tree = self.kept.clone();
        for change in self.changes.iter().take(count) {
            apply(&mut tree, &change.entries);
        }
        tree
    }
}

fn apply(tree: &mut Tree, entries: &[Entry]) {
    for (folder, name, id) in entries {
        let names = tree.entry(*folder).or_default();
        match id {
            Some(id) => names.insert(name.clone(), *id),
            None => names.remove(name),
        };
    }
}
