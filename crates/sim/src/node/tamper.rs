//! What people do to ended tasks: bring them back changed, and forget them.

use leasehold_core::{
    Command, Death, Edit, ReviveWith, StateKind, TaskId, Timestamp, Where, Which,
};

use super::Ctx;
use crate::hub::millis;

pub(super) fn tamper(task: TaskId, ctx: &mut Ctx<'_>) -> Command {
    if ctx.rng.chance(30) {
        let most = ctx.rng.pick(&[0, 1, 2, 100]).unwrap_or(1);
        return Command::Purge(conditions(ctx), most);
    }
    let which = match ctx.rng.within(0, 3) {
        0 => Which::All,
        1 => Which::Where(conditions(ctx)),
        _ => Which::Tasks(vec![task, task]),
    };
    let edits = edits(ctx);
    Command::ReviveWith(Box::new(ReviveWith { which, edits }))
}

fn edits(ctx: &mut Ctx<'_>) -> Vec<Edit> {
    let mut edits = Vec::new();
    if ctx.rng.chance(50) {
        let length = ctx.rng.pick(&[0, 30, 90, 5_000]).unwrap_or(30);
        edits.push(Edit::Payload(vec![8; length].into()));
    }
    if ctx.rng.chance(50) {
        edits.push(Edit::Priority(ctx.rng.small(0, 9)));
    }
    if ctx.rng.chance(40) {
        let attempts = ctx.rng.pick(&[1, 2, 4, 0]).unwrap_or(1);
        edits.push(Edit::AttemptsMax(attempts));
    }
    if ctx.rng.chance(40) {
        let spans = [None, Some(ctx.rng.within(1, 5_000))];
        edits.push(Edit::ExpiresAfter(ctx.rng.pick(&spans).flatten()));
    }
    if ctx.rng.chance(5) {
        edits.push(Edit::Priority(0));
    }
    edits
}

fn conditions(ctx: &mut Ctx<'_>) -> Vec<Where> {
    let mut all = Vec::new();
    if ctx.rng.chance(40) {
        let kinds = [
            StateKind::Dead,
            StateKind::Completed,
            StateKind::Cancelled,
            StateKind::Ready,
        ];
        all.push(Where::State(
            ctx.rng.pick(&kinds).unwrap_or(StateKind::Dead),
        ));
    }
    if ctx.rng.chance(30) {
        let deaths = [Death::AttemptsSpent, Death::LostTooOften, Death::Expired];
        all.push(Where::Cause(
            ctx.rng.pick(&deaths).unwrap_or(Death::Expired),
        ));
    }
    if ctx.rng.chance(30) {
        let ago = millis(ctx.rng.within(0, 5_000));
        let at = ctx.wall.as_millis() - ago.as_secs() * 1_000;
        all.push(Where::EndedBefore(Timestamp::from_millis(at)));
    }
    if ctx.rng.chance(30) {
        let groups = ["ants", "bees", "cats"];
        all.push(Where::Group(ctx.rng.pick(&groups).unwrap_or("ants").into()));
    }
    if ctx.rng.chance(15) {
        all.push(Where::Key("red".into()));
    }
    all
}
