//! As much as a bound allows, and one more.

use leasehold_core::{
    Claim, Command, Credit, LeaseRef, TaskId,
    limits::{BATCH_MAX, CLAIM_MAX, PARKED_MAX},
};

use super::{Ctx, Node};
use crate::hub::millis;

impl Node {
    pub(super) fn flood(&mut self, ctx: &mut Ctx<'_>) {
        let pool = ctx.rng.index(ctx.pools);
        match ctx.rng.within(0, 3) {
            0 => self.ask_too_many(pool, ctx),
            1 => {
                for tasks in [CLAIM_MAX, 1, 0] {
                    let credit = Credit { tasks, lease: None };
                    self.ask(pool, Command::Credit(credit), ctx);
                }
                self.credit.insert(pool, CLAIM_MAX);
            }
            2 => self.park_too_many(pool, ctx),
            _ => {
                let proof = self.past.last().map(|(_, proof)| *proof);
                let proofs: Vec<LeaseRef> =
                    std::iter::repeat_n(proof, BATCH_MAX).flatten().collect();
                self.ask(pool, Command::Release(proofs), ctx);
            }
        }
    }

    fn ask_too_many(&mut self, pool: usize, ctx: &mut Ctx<'_>) {
        let one = |number: usize| TaskId::from_u128((1 << 90) + number as u128);
        let many = BATCH_MAX + usize::from(ctx.rng.chance(50));
        let ids = (0..many).map(one).collect();
        self.ask(pool, Command::Cancel(ids), ctx);
    }

    fn park_too_many(&mut self, pool: usize, ctx: &mut Ctx<'_>) {
        let wait = millis(ctx.rng.within(500, 2_000));
        for _ in 0..=PARKED_MAX {
            let claim = Claim {
                tasks_max: 1,
                wait,
                lease: None,
            };
            self.ask(pool, Command::Claim(claim), ctx);
        }
    }
}
