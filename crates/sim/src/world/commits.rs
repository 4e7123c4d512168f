//! What becomes of commits, and of the hub with them.

use leasehold_store::Moment;

use super::{Event, NOBODY, World};
use crate::{
    Boundary,
    chance::Site,
    hub::{Fate, millis},
    mutation::Mutation,
    oracle::Verdict,
};

impl World {
    /// What left the hub goes out, and what gathered goes to the disk.
    pub(super) fn carry_out(&mut self) -> Verdict {
        for (pool, reply) in self.hub.take_left() {
            self.reply(pool, reply);
        }
        if !self.hub.would_commit() {
            return Ok(());
        }
        self.commits += 1;
        let fate = self.draw_fate();
        if fate == Fate::Crash(Boundary::Before) {
            return self.crash_at(Boundary::Before);
        }
        self.hub.begin_commit();
        let mut rng = self.chance.draw(self.now, Site::CommitTakes, NOBODY);
        let slowest = if rng.chance(10) { 400 } else { 6 };
        let takes = rng.within(0, slowest);
        let takes = if self.chance.less().is_prompt {
            1
        } else {
            takes
        };
        self.after(takes, Event::CommitEnds(self.lives, fate));
        Ok(())
    }

    fn draw_fate(&mut self) -> Fate {
        if let Some((number, boundary)) = self.trial.crash_at
            && number == self.commits
        {
            return Fate::Crash(boundary);
        }
        let percent = if self.is_calm {
            0
        } else {
            self.plan.commit_fails_percent
        };
        let happens = self
            .chance
            .happens(self.now, Site::CommitFails, NOBODY, percent);
        let Some(mut rng) = happens else {
            return Fate::Kept;
        };
        match rng.within(0, 5) {
            0 => Fate::Failed(Moment::Before),
            1 => Fate::Failed(Moment::After),
            2 => Fate::Crash(Boundary::Before),
            3 => Fate::Crash(Boundary::Lost),
            4 => Fate::Crash(Boundary::Durable),
            _ => Fate::Crash(Boundary::Answered),
        }
    }

    pub(super) fn end_commit(&mut self, life: u64, fate: Fate) -> Verdict {
        if life != self.lives || !self.hub.is_up() {
            return Ok(());
        }
        if let Fate::Crash(boundary) = fate
            && boundary != Boundary::Answered
        {
            return self.crash_at(boundary);
        }
        let now = self.hub_now();
        let lives_on = self.hub.end_commit(fate, now, &mut self.witness)?;
        if !lives_on {
            // Memory is ahead of the disk: all that the hub can do is to start anew.
            self.bring_down(false, 30);
        } else if fate == Fate::Crash(Boundary::Answered) {
            for (pool, reply) in self.hub.take_left() {
                self.reply(pool, reply);
            }
            return self.crash_at(Boundary::Answered);
        }
        Ok(())
    }

    fn crash_at(&mut self, boundary: Boundary) -> Verdict {
        self.witness
            .oracle
            .count(&format!("crashed at a commit: {boundary:?}"));
        let commit = self.commits;
        self.tell(format_args!(
            "*** the hub dies at commit {commit}, {}",
            boundary.words()
        ));
        self.bring_down(boundary == Boundary::Durable, 300);
        Ok(())
    }

    pub(super) fn start_hub(&mut self) -> Verdict {
        if self.hub.is_up() {
            return Ok(());
        }
        self.lives += 1;
        let floor = match self.trial.bug {
            Some(Mutation::ClockSetBack) => None,
            Some(_) | None => Some(self.hub.latest()),
        };
        self.clock.start(self.now, floor);
        self.witness.trace.skew_ms = self.clock.ahead_ms();
        let now = self.hub_now();
        self.hub.start(now, &mut self.witness)?;
        if self.is_calm {
            self.unpause()?;
        }
        Ok(())
    }

    /// The hub dies, and starts again. The clock goes on.
    pub(super) fn bring_down(&mut self, is_kept: bool, down_for: u64) {
        if !self.hub.is_up() {
            return;
        }
        let kept = if is_kept { "is" } else { "is not" };
        self.tell(format_args!(
            "*** the hub dies and is down for {down_for} ms; a commit on its way {kept} kept"
        ));
        self.witness.oracle.count("hub died");
        self.hub.crash(is_kept, &mut self.witness);
        for session in self.network.cut_all() {
            let node = self.network.node(session);
            let mut rng = self.chance.draw(self.now, Site::Notice, node);
            let noticed = self.now + millis(rng.within(1, 100));
            self.at(noticed, Event::NodeNotices(session));
        }
        self.after(down_for, Event::HubStarts);
    }
}
