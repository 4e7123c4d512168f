//! What a node makes of what it hears.

use leasehold_core::{Accepted, Answer, Command, Grant, LeaseRef, Rejection, Reply, RequestId};

use super::{Action, Ctx, Node, Offer, POISON, Plan, Work};
use crate::hub::millis;

impl Node {
    pub(crate) fn hear(&mut self, pool: usize, reply: Reply, ctx: &mut Ctx<'_>) {
        match reply {
            Reply::Answer(_, request, answer) => self.hear_answer(pool, request, answer, ctx),
            Reply::Deliver(_, grants) => {
                let used = u32::try_from(grants.len()).unwrap_or(u32::MAX);
                let credit = self.credit.entry(pool).or_default();
                *credit = credit.saturating_sub(used);
                self.take_on(pool, grants, ctx);
            }
            // The malicious finish what they were told to drop.
            Reply::Revoke(..) if !ctx.is_calm && ctx.rng.chance(20 + self.malice) => {}
            Reply::Revoke(_, proof, _) => self.drop_work(proof),
            // Some end it, and some do not.
            Reply::AskStop(..) if ctx.rng.chance(40) => {}
            Reply::AskStop(_, proof, _) => self.end_early(proof, ctx),
        }
    }

    fn hear_answer(&mut self, pool: usize, request: RequestId, answer: Answer, ctx: &mut Ctx<'_>) {
        let Some((_, command)) = self.asked.remove(&request) else {
            return;
        };
        match answer {
            Answer::Claimed(grants) => self.take_on(pool, grants, ctx),
            Answer::Enqueued(items) => self.hear_enqueued(request, &command, &items, ctx),
            Answer::Done(items) => self.hear_done(request, &items),
            Answer::Extended(items) => self.hear_extended(&command, &items, ctx),
            Answer::Refused(_) if matches!(command, Command::Credit(_)) => {
                self.credit.remove(&pool);
            }
            Answer::Purged(_)
            | Answer::Credited(_)
            | Answer::Revived(_)
            | Answer::Awaited(_)
            | Answer::Refused(_) => {}
        }
    }

    fn take_on(&mut self, pool: usize, grants: Vec<Grant>, ctx: &mut Ctx<'_>) {
        for grant in grants {
            let proof = LeaseRef {
                task: grant.task,
                lease: grant.lease,
            };
            ctx.gossip.leases.push((pool, proof));
            if grant.task.as_u128() & POISON == POISON {
                ctx.out.push(Action::Die(ctx.rng.within(10, 1500)));
                return;
            }
            self.works.push(Work {
                pool,
                proof,
                plan: plan(ctx),
                next_at: ctx.now + millis(ctx.rng.within(0, 1200)),
                asked: None,
            });
        }
    }

    fn hear_enqueued(
        &mut self,
        request: RequestId,
        command: &Command,
        items: &[Result<Accepted, Rejection>],
        ctx: &Ctx<'_>,
    ) {
        let Command::Enqueue(tasks) = command else {
            return;
        };
        for (task, item) in tasks.iter().zip(items) {
            let is_over = match item {
                Ok(_) => true,
                Err(Rejection::PoolFull { .. } | Rejection::Full { .. }) => ctx.is_calm,
                Err(_) => true,
            };
            let is_it = |offer: &Offer| offer.task.id == task.id;
            if is_over {
                self.unaccepted.retain(|offer| !is_it(offer));
            }
        }
        let of_this = self.unaccepted.iter_mut();
        of_this
            .filter(|offer| offer.asked == Some(request))
            .for_each(|offer| offer.asked = None);
    }

    fn hear_done(&mut self, request: RequestId, items: &[Result<(), Rejection>]) {
        let Some(at) = self
            .works
            .iter()
            .position(|work| work.asked == Some(request))
        else {
            return;
        };
        if let [
            Err(
                Rejection::OutOfBounds { .. } | Rejection::PoolFull { .. } | Rejection::Full { .. },
            ),
        ] = items
        {
            // It was too long, or too much was to follow: it says so again, shorter.
            self.works[at].asked = None;
            return;
        }
        let work = self.works.remove(at);
        self.past.push((work.pool, work.proof));
    }

    fn hear_extended(
        &mut self,
        command: &Command,
        items: &[Result<std::time::Duration, Rejection>],
        ctx: &mut Ctx<'_>,
    ) {
        let leases = if let Command::Extend(leases, _) | Command::Resume(leases) = command {
            leases.clone()
        } else if let Command::Progress(items) = command {
            items.iter().map(|told| told.proof).collect()
        } else {
            return;
        };
        for (proof, item) in leases.iter().zip(items) {
            let is_lost = *item == Err(Rejection::LeaseLost);
            if is_lost && (ctx.is_calm || !ctx.rng.chance(self.malice)) {
                self.drop_work(*proof);
            }
        }
    }

    fn end_early(&mut self, proof: LeaseRef, ctx: &mut Ctx<'_>) {
        let plans = [Plan::Complete, Plan::Fail, Plan::Release];
        let plan = ctx.rng.pick(&plans).unwrap_or(Plan::Release);
        for work in self.works.iter_mut().filter(|work| work.proof == proof) {
            (work.plan, work.next_at) = (plan, ctx.now);
        }
    }

    fn drop_work(&mut self, proof: LeaseRef) {
        let gone = self.works.extract_if(.., |work| work.proof == proof);
        let gone: Vec<Work> = gone.collect();
        self.past
            .extend(gone.into_iter().map(|work| (work.pool, work.proof)));
    }
}

fn plan(ctx: &mut Ctx<'_>) -> Plan {
    match ctx.rng.within(0, 99) {
        0..50 => Plan::Complete,
        50..65 => Plan::Fail,
        65..75 => Plan::Release,
        75..85 => Plan::Hang,
        _ => Plan::Extend(ctx.rng.small(1, 4)),
    }
}
