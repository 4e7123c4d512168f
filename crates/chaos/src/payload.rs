//! What a task of the workload says: what to do, and enough to see that it is whole.

use std::time::Duration;

use bytes::Bytes;

/// Whether it kills its node.
const HARMLESS: &str = "harmless";
const DEADLY: &str = "deadly";

/// What a task of the workload says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payload {
    /// Whose it is.
    pub(crate) task: String,
    /// How long it rests.
    pub(crate) rest: Duration,
    /// So many times it fails before it completes.
    pub(crate) fails: u32,
    /// Whether it kills its node, once it has rested.
    pub(crate) is_deadly: bool,
    /// Bytes that say nothing, behind the rest.
    pub(crate) padding: usize,
}

impl Payload {
    pub(crate) fn to_bytes(&self) -> Bytes {
        let (rest, fails) = (self.rest.as_millis(), self.fails);
        let deadly = if self.is_deadly { DEADLY } else { HARMLESS };
        let mut text = format!("{} {rest} {fails} {deadly} {} ", self.task, self.padding);
        text.extend(padding(self.padding));
        text.into()
    }

    /// None if it is not what any producer wrote.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut words = text.splitn(6, ' ');
        let payload = Self {
            task: words.next()?.to_owned(),
            rest: Duration::from_millis(words.next()?.parse().ok()?),
            fails: words.next()?.parse().ok()?,
            is_deadly: is_deadly(words.next()?)?,
            padding: words.next()?.parse().ok()?,
        };
        let is_whole = words.next()?.chars().eq(padding(payload.padding));
        is_whole.then_some(payload)
    }
}

/// None if it is neither word.
fn is_deadly(word: &str) -> Option<bool> {
    [HARMLESS, DEADLY]
        .iter()
        .position(|of| *of == word)
        .map(|at| at == 1)
}

fn padding(length: usize) -> impl Iterator<Item = char> {
    ('a'..='z').cycle().take(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let payload = Payload {
            task: "t".into(),
            rest: Duration::from_millis(7),
            fails: 2,
            is_deadly: true,
            padding: 30,
        };
        let bytes = payload.to_bytes();
        assert_eq!(Payload::parse(&bytes), Some(payload));
        for at in 0..bytes.len() {
            let mut torn = bytes.to_vec();
            torn.truncate(at);
            assert_eq!(Payload::parse(&torn), None, "cut at {at}");
        }
        let mut other = bytes.to_vec();
        let last = other.len() - 1;
        other[last] ^= 1;
        assert_eq!(Payload::parse(&other), None);
    }
}
