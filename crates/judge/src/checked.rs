//! What the scene looked at itself, and whether anybody ended who was not told to.

use crate::{History, How, Kind, Recorded, Violation, What};

pub(crate) fn check(history: &History) -> Vec<Violation> {
    history.entries.iter().filter_map(check_one).collect()
}

fn check_one(recorded: &Recorded) -> Option<Violation> {
    let (kind, said) = if let What::Checked {
        promise,
        is_kept: false,
        seen,
    } = &recorded.entry.what
    {
        (Kind::NotKept, format!("{promise}: {seen}"))
    } else if let What::Down {
        who,
        how: How::Itself,
    } = &recorded.entry.what
    {
        (Kind::Fell, format!("{who} did; its log may say why"))
    } else {
        return None;
    };
    Some(Violation {
        kind,
        task: None,
        said,
        quotes: vec![recorded.to_string()],
    })
}
