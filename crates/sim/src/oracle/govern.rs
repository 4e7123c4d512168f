//! The policy of a pool: settings that hold from the moment on, and pauses.

use leasehold_core::{Change, Govern, Note, NoteName, Policy, PoolSettings, Timestamp};

use super::{Verdict, Violation, books::Books, replies::Said, step::Step};

impl Books {
    pub(super) fn is_paused(&self) -> bool {
        self.policy
            .as_ref()
            .is_some_and(|policy| policy.paused.is_some())
    }

    pub(super) fn govern(&mut self, step: &mut Step<'_>, govern: &Govern) -> Verdict<Said> {
        let known = self.policy.clone().unwrap_or_default();
        self.policy = Some(govern.policy.clone());
        self.settle_for(govern.settings.clone(), step.now);
        step.remarks.push(if govern.policy.paused.is_some() {
            "paused"
        } else {
            "governed"
        });
        if govern.policy != known {
            let body = Box::new(Note::Policy(govern.policy.clone()));
            step.expect_change(&Change::Note {
                name: NoteName::Policy,
                body: Some(body),
            })?;
            self.durable.will_govern(govern.policy.clone());
        }
        Ok(Said::Done(vec![Ok(())]))
    }

    /// What the disk says of the policy holds from the start, and the settings that it names.
    pub(super) fn recall_policy(&mut self, now: Timestamp) {
        self.policy = self.durable.policy();
        let number = self.policy.as_ref().map_or(0, named);
        let settings = self.variants.get(number).cloned().unwrap_or_default();
        self.buckets = super::rates::Buckets::default();
        self.settle_for(settings, now);
    }

    fn settle_for(&mut self, settings: PoolSettings, now: Timestamp) {
        if settings != self.settings {
            self.turns = super::groups::Turns::default();
        }
        self.settings = settings;
        let (rate, group_rate) = (self.settings.rate, self.settings.group_rate);
        self.buckets.hold(rate, group_rate, now);
    }

    /// What time it is at a start: never earlier than the disk has seen it.
    pub(super) fn check_clock(&self, now: Timestamp) -> Verdict {
        let latest = self.durable.latest;
        if now >= latest {
            return Ok(());
        }
        let seconds = latest.since(now).as_secs();
        let what = format!("the hub's clock went back, by {seconds} s");
        Err(Violation::general(what))
    }
}

fn named(policy: &Policy) -> usize {
    let (_, value) = policy.set.first().cloned().unwrap_or_default();
    value.parse().unwrap_or_default()
}
