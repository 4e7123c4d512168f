//! Extras as they are stored: a list of things that each say what they are.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::mem::{Discriminant, discriminant};

use serde::{Deserialize, Serialize};

use super::{Extras, Progress, Stop};
use crate::{Timestamp, Wish};

/// One thing that a task has beyond a plain one. Stored: new ones are appended, and none is ever
/// changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extra {
    /// What its producer, or its pool, wished; of [`Wish::After`] those that it still waits for.
    Wish(Wish),
    /// The schedule that fired it.
    Schedule(String),
    /// See [`Extras::losses`].
    Losses(u32),
    /// See [`Stop`].
    Stop {
        /// When its holder was asked.
        asked_at: Timestamp,
        /// When it is called off in any case.
        forced_at: Timestamp,
    },
    /// See [`Progress`].
    Progress(Progress),
    /// See [`Extras::edited`].
    Edited(u32),
}

/// A list that stands for no [`Extras`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the list has two of one kind")]
pub struct ExtrasError;

impl From<Extras> for Vec<Extra> {
    fn from(extras: Extras) -> Self {
        let schedule = extras.schedule.as_ref();
        let counted = |count: u32| (count > 0).then_some(count);
        let others = [
            schedule.map(|name| Extra::Schedule(name.as_str().into())),
            counted(extras.losses).map(Extra::Losses),
            extras.stop.map(|of| Extra::Stop {
                asked_at: of.asked_at,
                forced_at: of.forced_at,
            }),
            extras.progress.as_deref().cloned().map(Extra::Progress),
            counted(extras.edited).map(Extra::Edited),
        ];
        let wishes = extras.wishes().into_iter().map(Extra::Wish);
        wishes.chain(others.into_iter().flatten()).collect()
    }
}

impl TryFrom<Vec<Extra>> for Extras {
    type Error = ExtrasError;

    fn try_from(list: Vec<Extra>) -> Result<Self, ExtrasError> {
        let kinds: Vec<_> = list.iter().map(kind).collect();
        let is_new = |(at, kind)| !kinds[..at].contains(kind);
        if !kinds.iter().enumerate().all(is_new) {
            return Err(ExtrasError);
        }
        let mut extras = Self::default();
        list.into_iter().for_each(|extra| extras.take(extra));
        Ok(extras)
    }
}

fn kind(extra: &Extra) -> (Discriminant<Extra>, Option<Discriminant<Wish>>) {
    let wish = match extra {
        Extra::Wish(wish) => Some(discriminant(wish)),
        Extra::Schedule(_)
        | Extra::Losses(_)
        | Extra::Stop { .. }
        | Extra::Progress(_)
        | Extra::Edited(_) => None,
    };
    (discriminant(extra), wish)
}

impl Extras {
    fn take(&mut self, extra: Extra) {
        match extra {
            Extra::Wish(wish) => self.grant(&wish),
            Extra::Schedule(name) => self.schedule = Some(name.into()),
            Extra::Losses(losses) => self.losses = losses,
            Extra::Stop {
                asked_at,
                forced_at,
            } => {
                self.stop = Some(Stop {
                    asked_at,
                    forced_at,
                });
            }
            Extra::Progress(progress) => self.progress = Some(Box::new(progress)),
            Extra::Edited(times) => self.edited = times,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{PoolSettings, TaskId};

    fn all() -> Vec<Extra> {
        let moment = Timestamp::from_millis(5);
        let wishes = [
            Wish::RunAt(moment),
            Wish::ExpiresAfter(1),
            Wish::MaxRuntime(100),
            Wish::BackOff {
                base_ms: 1,
                cap_ms: 2,
                factor_percent: 300,
                jitter_percent: 4,
            },
            Wish::LossesMax(2),
            Wish::InterruptionsMax(3),
            Wish::Key {
                key: "one".into(),
                window_ms: Some(9),
            },
            Wish::Group("tenant".into()),
            Wish::After {
                tasks: vec![TaskId::from_u128(7)],
                any_end: true,
            },
            Wish::Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        ];
        let others = [
            Extra::Schedule("nightly".into()),
            Extra::Losses(1),
            Extra::Stop {
                asked_at: moment,
                forced_at: moment,
            },
            Extra::Progress(Progress {
                at: moment,
                fraction: 10_000,
                note: "nearly".into(),
            }),
            Extra::Edited(2),
        ];
        wishes.into_iter().map(Extra::Wish).chain(others).collect()
    }

    #[test]
    fn every_extra_is_read_as_it_was_written() {
        let extras = Extras::try_from(all()).unwrap();
        assert_eq!(Vec::from(extras), all());
        assert_eq!(Vec::from(Extras::default()), []);
    }

    #[test]
    fn two_of_one_kind_are_refused() {
        for extra in all() {
            let twice = vec![extra.clone(), extra];
            assert_eq!(Extras::try_from(twice), Err(ExtrasError));
        }
    }

    #[test]
    fn a_plain_task_has_none_and_a_pool_gives_its_own() {
        let plain = PoolSettings::default();
        assert_eq!(Extras::of(&[], None, &plain), None);
        let run_at = Wish::RunAt(Timestamp::from_millis(5));
        assert_eq!(Extras::of(&[run_at], None, &plain), None);
        let expiring = PoolSettings {
            expires_after: Some(core::time::Duration::from_secs(1)),
            ..plain
        };
        let of = |wishes: &[Wish]| {
            Extras::of(wishes, None, &expiring)
                .unwrap()
                .expires_after_ms
        };
        assert_eq!(of(&[]), Some(1000));
        assert_eq!(of(&[Wish::ExpiresAfter(7)]), Some(7));
    }
}
