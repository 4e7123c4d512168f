//! All tokens, as they are kept: making and revoking, with bounds.

use std::collections::BTreeMap;

use leasehold_core::{PoolName, Timestamp, time::millis};
use leasehold_wire::{Identity, Role, Secret, TokenSpec, TokenView};

use super::secret::{self, Hash};

/// Tokens at a time, the expired ones counted until they are in the way.
pub(super) const TOKENS_MAX: usize = 1024;

/// Pools that one token may be scoped to, and labels that it may have.
const LIST_MAX: usize = 64;

/// Bytes of a label.
const LABEL_BYTES_MAX: usize = 128;

/// For how long a token may be good if that is bounded, in milliseconds: a second to ten years.
const GOOD_FOR_MS: std::ops::RangeInclusive<u64> = 1000..=3650 * 24 * 3_600_000;

/// A token as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) spec: TokenSpec,
    pub(super) hash: Hash,
    pub(super) made_at: Timestamp,
    pub(super) made_by: String,
    pub(super) ends_at: Option<Timestamp>,
}

/// Why a token was not made, or not revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// It is not what a token may be.
    #[error("{0}")]
    Invalid(String),
    /// There is one.
    #[error(
        "there is a token \"{0}\" already: revoke it first (leasehold token revoke {0}), or choose \
         another name"
    )]
    Taken(String),
    /// There is none.
    #[error("there is no token \"{0}\"")]
    Unknown(String),
    /// There are too many.
    #[error("there are {TOKENS_MAX} tokens already, which is the most: revoke one first")]
    Full,
}

/// All tokens, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Book(BTreeMap<String, Kept>);

impl Kept {
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|ends_at| now >= ends_at)
    }

    pub(super) fn identity(&self) -> Identity {
        Identity {
            name: self.spec.name.clone(),
            roles: self.spec.roles.clone(),
            pools: self.spec.pools.clone(),
        }
    }

    pub(super) fn view(&self, sessions: u32) -> TokenView {
        TokenView {
            spec: self.spec.clone(),
            made_at_ms: self.made_at.as_millis(),
            made_by: self.made_by.clone(),
            ends_at_ms: self.ends_at.map(Timestamp::as_millis),
            sessions,
        }
    }
}

impl Book {
    pub(super) fn all(&self) -> impl Iterator<Item = &Kept> {
        self.0.values()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Kept> {
        self.0.get(name)
    }

    /// Puts one in as it was kept.
    pub(super) fn put(&mut self, kept: Kept) -> Result<(), Refused> {
        let name = kept.spec.name.clone();
        if self.0.contains_key(&name) {
            return Err(Refused::Taken(name));
        }
        check(&kept.spec)?;
        if self.0.len() >= TOKENS_MAX {
            return Err(Refused::Full);
        }
        self.0.insert(name, kept);
        Ok(())
    }

    /// Makes one: what is shown this once, and what is kept. One that has expired makes way.
    pub(super) fn make(
        &mut self,
        mut spec: TokenSpec,
        made_by: String,
        now: Timestamp,
    ) -> Result<(Secret, Kept), Refused> {
        spec.labels.sort();
        spec.labels.dedup();
        spec.pools.sort();
        spec.pools.dedup();
        spec.roles.sort();
        spec.roles.dedup();
        let is_full = self.0.len() >= TOKENS_MAX;
        self.0
            .retain(|name, kept| !kept.is_over(now) || !(is_full || *name == spec.name));
        let (token, hash) = secret::draw(&spec.name).map_err(Refused::Invalid)?;
        let good_for = spec.good_for_ms.map(std::time::Duration::from_millis);
        let kept = Kept {
            ends_at: good_for.map(|good_for| now + good_for),
            spec,
            hash,
            made_at: now,
            made_by,
        };
        self.put(kept.clone())?;
        Ok((token, kept))
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<Kept, Refused> {
        let unknown = || Refused::Unknown(shown(name));
        self.0.remove(name).ok_or_else(unknown)
    }
}

/// What somebody gave for a name, for people.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Whether there may be such a token.
fn check(spec: &TokenSpec) -> Result<(), Refused> {
    let invalid = |why: String| Err(Refused::Invalid(why));
    if PoolName::new(&spec.name).is_err() {
        return invalid(
            "a token's name is 1 to 64 bytes of letters, digits and \"._-\", and begins with a letter \
             or digit"
                .to_owned(),
        );
    }
    if spec.roles.is_empty() {
        return invalid("a token has at least one role: producer, node, admin".to_owned());
    }
    for (what, count) in [("pools", spec.pools.len()), ("labels", spec.labels.len())] {
        if count > LIST_MAX {
            return invalid(format!(
                "a token has {count} {what}, and may have {LIST_MAX}"
            ));
        }
    }
    let is_label = |text: &String| {
        (1..=LABEL_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
    };
    if !spec.labels.iter().all(is_label) {
        return invalid(format!(
            "a label is 1 to {LABEL_BYTES_MAX} bytes of text, such as zone=a"
        ));
    }
    if !spec.labels.is_empty() && !spec.roles.contains(&Role::Node) {
        return invalid("labels are of nodes: the role node is missing".to_owned());
    }
    let good_for = spec.good_for_ms.unwrap_or(*GOOD_FOR_MS.start());
    if !GOOD_FOR_MS.contains(&good_for) {
        let given = millis(std::time::Duration::from_millis(good_for));
        return invalid(format!(
            "a token is good for 1s to 3650d, or until it is revoked; {given} ms were asked for"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    pub(super) fn spec(name: &str) -> TokenSpec {
        TokenSpec {
            name: name.to_owned(),
            roles: vec![Role::Producer],
            pools: vec![],
            node: None,
            labels: vec![],
            good_for_ms: None,
        }
    }

    fn make(book: &mut Book, spec: TokenSpec, now: Timestamp) -> Result<Secret, Refused> {
        book.make(spec, "me".to_owned(), now)
            .map(|(token, _)| token)
    }

    #[test]
    fn a_name_is_taken_until_it_is_revoked_or_has_expired() {
        let mut book = Book::default();
        make(&mut book, spec("a"), NOW).unwrap();
        let taken = make(&mut book, spec("a"), NOW).unwrap_err();
        assert_eq!(taken, Refused::Taken("a".to_owned()));
        book.remove("a").unwrap();
        assert_eq!(
            book.remove("a").unwrap_err(),
            Refused::Unknown("a".to_owned())
        );
        let short = TokenSpec {
            good_for_ms: Some(5000),
            ..spec("a")
        };
        make(&mut book, short, NOW).unwrap();
        let later = NOW + Duration::from_secs(5);
        assert!(make(&mut book, spec("a"), later - Duration::from_millis(1)).is_err());
        make(&mut book, spec("a"), later).unwrap();
    }

    #[test]
    fn there_is_a_bound_and_expired_ones_make_way() {
        let mut book = Book::default();
        let short = TokenSpec {
            good_for_ms: Some(1000),
            ..spec("short")
        };
        make(&mut book, short, NOW).unwrap();
        for at in 1..TOKENS_MAX {
            make(&mut book, spec(&format!("t{at}")), NOW).unwrap();
        }
        assert_eq!(make(&mut book, spec("z"), NOW), Err(Refused::Full));
        let later = NOW + Duration::from_secs(1);
        make(&mut book, spec("z"), later).unwrap();
        assert!(book.get("short").is_none());
        assert_eq!(book.all().count(), TOKENS_MAX);
    }

    #[test]
    fn what_no_token_may_be_is_refused_with_what_it_may() {
        let of = |change: &dyn Fn(&mut TokenSpec)| {
            let mut spec = spec("a");
            change(&mut spec);
            make(&mut Book::default(), spec, NOW)
                .unwrap_err()
                .to_string()
        };
        assert!(of(&|spec| spec.name = "a b".to_owned()).contains("1 to 64 bytes"));
        assert!(of(&|spec| spec.roles.clear()).contains("at least one role"));
        assert!(of(&|spec| spec.labels = vec!["zone=a".to_owned()]).contains("role node"));
        assert!(of(&|spec| spec.good_for_ms = Some(999)).contains("999 ms"));
        assert!(
            of(&|spec| {
                spec.roles = vec![Role::Node];
                spec.labels = vec!["a\nb".to_owned()];
            })
            .contains("a label is")
        );
        let many = (0..65).map(|n| PoolName::new(&format!("p{n}")).unwrap());
        let many: Vec<_> = many.collect();
        assert!(of(&|spec| spec.pools.clone_from(&many)).contains("65 pools"));
    }
}
