//! What a node may be about to do when it wakes up.

use leasehold_core::{Command, ScheduleAsk, ScheduleName};

use super::{Action, Ctx, Node};
use crate::{chance::Site, features::SCHEDULES, world::VARIANTS};

/// One of the things that a node does or leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    Connect,
    Produce,
    Work,
    Claim,
    Touch,
    Lie,
    Nonsense,
    Schedule,
    Govern,
    Repeat,
    Leave,
    Settle,
}

impl Intent {
    pub(crate) const ALL: [Self; 12] = [
        Self::Connect,
        Self::Produce,
        Self::Work,
        Self::Claim,
        Self::Touch,
        Self::Lie,
        Self::Nonsense,
        Self::Schedule,
        Self::Govern,
        Self::Repeat,
        Self::Leave,
        Self::Settle,
    ];

    pub(crate) const fn site(self) -> Site {
        match self {
            Self::Connect => Site::Connect,
            Self::Produce => Site::Produce,
            Self::Work => Site::Work,
            Self::Claim => Site::Claim,
            Self::Touch => Site::Touch,
            Self::Lie => Site::Lie,
            Self::Nonsense => Site::Nonsense,
            Self::Schedule => Site::Schedule,
            Self::Govern => Site::Govern,
            Self::Repeat => Site::Repeat,
            Self::Leave => Site::Leave,
            Self::Settle => Site::Settle,
        }
    }

    /// Whether anybody does so in war, or in peace.
    pub(crate) const fn is_for(self, is_calm: bool) -> bool {
        match self {
            Self::Connect | Self::Produce | Self::Work | Self::Claim => true,
            Self::Settle => is_calm,
            Self::Touch
            | Self::Lie
            | Self::Nonsense
            | Self::Schedule
            | Self::Govern
            | Self::Repeat
            | Self::Leave => !is_calm,
        }
    }
}

impl Node {
    pub(crate) fn could(&self, intent: Intent) -> bool {
        self.session.is_none() == (intent == Intent::Connect)
    }

    pub(crate) fn act(&mut self, intent: Intent, ctx: &mut Ctx<'_>) {
        match intent {
            Intent::Connect => ctx.out.push(Action::Connect),
            Intent::Produce => {
                self.produce(ctx);
                self.offer(ctx);
            }
            Intent::Work => self.work(ctx),
            Intent::Claim => self.ask_for_work(ctx),
            Intent::Settle => self.drop_schedules(ctx),
            Intent::Touch if ctx.rng.chance(8) => self.touch_tasks(ctx),
            Intent::Lie if ctx.rng.chance(self.malice) => self.lie(ctx),
            Intent::Nonsense if ctx.rng.chance(1) => self.ask_nonsense(ctx),
            Intent::Nonsense if self.malice > 0 && ctx.rng.chance(1) => self.flood(ctx),
            Intent::Schedule if SCHEDULES && ctx.rng.chance(3) => self.touch_schedule(ctx),
            Intent::Govern if ctx.rng.chance(1) => govern(ctx),
            Intent::Repeat if ctx.rng.chance(2) => self.repeat(ctx),
            Intent::Leave => leave(ctx),
            Intent::Touch
            | Intent::Lie
            | Intent::Nonsense
            | Intent::Schedule
            | Intent::Govern
            | Intent::Repeat => {}
        }
    }

    /// What it said a while ago, as if it had not heard the answer.
    fn repeat(&mut self, ctx: &mut Ctx<'_>) {
        let last = &self.said[self.said.len().saturating_sub(12)..];
        if let Some((pool, command)) = ctx.rng.pick(last) {
            self.ask(pool, command, ctx);
        }
    }

    /// Else there would be no end of tasks.
    fn drop_schedules(&mut self, ctx: &mut Ctx<'_>) {
        let name = ScheduleName::new("tick").ok().filter(|_| SCHEDULES);
        if let Some(name) = name.filter(|_| ctx.rng.chance(20)) {
            let pool = ctx.rng.index(ctx.pools);
            let drop = Command::Schedule(ScheduleAsk::Remove(name));
            self.ask(pool, drop, ctx);
        }
    }
}

fn leave(ctx: &mut Ctx<'_>) {
    match ctx.rng.within(0, 199) {
        0 => ctx.out.push(Action::Bye),
        1 => {
            let down_for = ctx.rng.within(10, 3000);
            ctx.out.push(Action::Die(down_for));
        }
        _ => {}
    }
}

fn govern(ctx: &mut Ctx<'_>) {
    let pool = ctx.rng.index(ctx.pools);
    let variant = ctx.rng.within(0, VARIANTS - 1);
    let is_paused = ctx.rng.chance(30);
    ctx.out.push(Action::Govern(pool, variant, is_paused));
}
