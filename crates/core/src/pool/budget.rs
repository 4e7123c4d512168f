//! The three budgets of a task: failures, losses, interruptions, each with its own bound.
//!
//! `attempt` counts failures and losses together. Of the losses a plain task says how many there
//! were in a row; only one that was lost and then failed needs a count beside that.

use alloc::sync::Arc;

use crate::{AttemptEnding, Death, Extras, PoolSettings, Retry, State, Task};

impl Task {
    /// Attempts since its enqueue or revival that ended with their node. Its bound is
    /// [`Task::losses_max`].
    #[must_use]
    pub fn losses(&self) -> u32 {
        let extras = self.extras.as_ref();
        let counted = extras.map_or(0, |extras| extras.losses);
        counted.max(self.losses_in_a_row)
    }

    /// Attempts since its enqueue or revival that failed, ran past their lease's deadline, or
    /// longer than they may. Its bound is `attempts_max`.
    #[must_use]
    pub fn failures(&self) -> u32 {
        let is_good = matches!(self.state, State::Claimed | State::Completed { .. });
        let called_off = self.history.last().is_some_and(|last| {
            last.attempt == self.attempt && last.ending == AttemptEnding::Cancelled
        });
        let spared = u32::from(is_good || called_off);
        self.attempt.saturating_sub(spared + self.losses())
    }

    /// Losses after which it is dead: its own number, else its pool's.
    #[must_use]
    pub fn losses_max(&self, settings: &PoolSettings) -> u32 {
        let own = self.retry().and_then(|retry| retry.losses_max);
        own.unwrap_or(settings.losses_max)
    }

    /// Interruptions that it survives: its own number, else its pool's.
    #[must_use]
    pub fn interruptions_max(&self, settings: &PoolSettings) -> u32 {
        let own = self.retry().and_then(|retry| retry.interruptions_max);
        own.unwrap_or(settings.interruptions_max)
    }

    /// Its own policy of retries.
    pub(super) fn retry(&self) -> Option<&Retry> {
        self.extras.as_ref()?.retry.as_deref()
    }

    pub(super) fn extras_mut(&mut self) -> &mut Extras {
        Arc::make_mut(self.extras.get_or_insert_default())
    }

    /// Counts an attempt that ends now, without success.
    pub(super) fn count(&mut self, ending: AttemptEnding) {
        if !ending.counts() {
            self.attempt -= 1;
            self.interruptions += 1;
            return;
        }
        let losses = self.losses() + u32::from(ending.is_loss());
        self.losses_in_a_row = if ending.is_loss() {
            self.losses_in_a_row + 1
        } else {
            0
        };
        self.say_losses(losses);
    }

    /// As if an attempt that was counted so had not ended: it is claimed again.
    pub(super) fn discount(&mut self, ending: AttemptEnding) {
        if !ending.counts() {
            self.attempt += 1;
            self.interruptions = self.interruptions.saturating_sub(1);
        }
        if ending.is_loss() {
            let losses = self.losses().saturating_sub(1);
            self.losses_in_a_row = self.losses_in_a_row.saturating_sub(1);
            self.say_losses(losses);
        }
    }

    /// A revived task begins anew.
    pub(super) fn begin_anew(&mut self) {
        (self.attempt, self.interruptions, self.losses_in_a_row) = (0, 0, 0);
        self.say_losses(0);
    }

    /// The budget that this ending has used up, if it has.
    pub(super) fn spent_by(&self, ending: AttemptEnding, settings: &PoolSettings) -> Option<Death> {
        let (is_spent, death) = if !ending.counts() {
            let max = self.interruptions_max(settings);
            (self.interruptions > max, Death::InterruptedTooOften)
        } else if ending.is_loss() {
            let max = self.losses_max(settings);
            (self.losses() >= max, Death::LostTooOften)
        } else {
            let failures = self.attempt.saturating_sub(self.losses());
            (failures >= self.attempts_max, Death::AttemptsSpent)
        };
        is_spent.then_some(death)
    }

    fn say_losses(&mut self, losses: u32) {
        let beside = if losses == self.losses_in_a_row {
            0
        } else {
            losses
        };
        let said = self.extras.as_ref().map_or(0, |extras| extras.losses);
        if said != beside {
            self.extras_mut().losses = beside;
        }
    }
}
