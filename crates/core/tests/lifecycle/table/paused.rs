//! A paused pool, in every state and with every verb: nothing is granted, and all else is as ever.

use leasehold_core::*;

use super::{
    known::{revive_with, stop, told},
    starts::{STARTS, Scene, Start},
    telling,
};
use crate::harness::*;

type Verb = fn(&mut Scene) -> Vec<Reply>;

/// Every verb that may grant a task to nobody.
const VERBS: [(&str, Verb); 21] = [
    ("enqueue", |of| of.world.enqueue(of.producer, &[1])),
    ("complete", |of| of.world.send(of.me, complete(of.mine))),
    ("fail", |of| of.world.send(of.me, fail(of.mine))),
    ("fail for good", |of| {
        let command = fail_so(of.mine, AfterFailure::Never);
        of.world.send(of.me, command)
    }),
    ("release", |of| {
        let command = Command::Release(vec![of.mine]);
        of.world.send(of.me, command)
    }),
    ("extend", |of| {
        let command = Command::Extend(vec![of.mine], None);
        of.world.send(of.me, command)
    }),
    ("resume", |of| {
        let command = Command::Resume(vec![of.mine]);
        of.world.send(of.me, command)
    }),
    ("progress", |of| of.world.send(of.me, told(of))),
    ("cancel", |of| {
        let command = Command::Cancel(vec![id(1)]);
        of.world.send(of.producer, command)
    }),
    ("cancel within", |of| stop(of, 20)),
    ("revive", |of| {
        let command = Command::Revive(Revive::Tasks(vec![id(1)]));
        of.world.send(of.producer, command)
    }),
    ("revive all", |of| {
        of.world.send(of.producer, Command::Revive(Revive::All))
    }),
    ("revive changed", |of| {
        let command = revive_with(Which::Tasks(vec![id(1)]));
        of.world.send(of.producer, command)
    }),
    ("await", |of| {
        of.world.send(of.producer, await_for(1, secs(1)))
    }),
    ("purge", |of| {
        of.world.send(of.producer, Command::Purge(vec![], 9))
    }),
    ("bye", |of| of.world.end(of.me, Ending::Bye)),
    ("cut", |of| of.world.end(of.me, Ending::Cut)),
    ("silence", |of| of.world.end(of.me, Ending::Silence)),
    ("dismissal", |of| of.world.end(of.me, Ending::Dismissed)),
    ("a quarter of an hour", |of| of.pass(secs(900))),
    ("a restart", |of| {
        of.world.restart();
        vec![]
    }),
];

fn pause(scene: &mut Scene, paused: Option<&str>) -> Vec<Reply> {
    let policy = Policy {
        paused: paused.map(Into::into),
        ..Policy::default()
    };
    let settings = scene.world.pool.settings().clone();
    let govern = Command::Govern(Box::new(Govern { settings, policy }));
    scene.world.send(SessionId(0), govern)
}

fn paused(start: Start) -> Scene {
    let mut scene = start();
    pause(&mut scene, Some("the relay is down"));
    scene
}

#[test]
fn what_grants_nothing_does_the_same_in_a_paused_pool() {
    for (name, start) in STARTS {
        for (what, verb) in VERBS {
            let row = |mut scene: Scene| {
                let replies = verb(&mut scene);
                telling::row(name, &scene, &replies)
            };
            assert_eq!(row(paused(start)), row(start()), "{what}");
        }
    }
}

#[test]
fn a_pause_says_and_changes_nothing_of_any_task() {
    for (name, start) in STARTS {
        let (before, mut scene) = (start().world.pool.task(id(1)), start());
        let replies = pause(&mut scene, Some(""));
        assert!(
            matches!(&replies[..], [Reply::Answer(SessionId(0), ..)]),
            "{name}: {replies:?}"
        );
        assert_eq!(scene.world.pool.task(id(1)), before, "{name}");
        let stored = |change: &Change| change.task_id().is_none() && change.is_durable();
        assert!(scene.world.changes.iter().all(stored), "{name}");
        assert_eq!(scene.world.changes.len(), 1, "{name}");
    }
}

/// What is granted at once without the pause is granted by nothing under it, and with the resume
/// to whoever waits.
#[test]
fn what_is_ready_is_granted_by_the_resume_and_not_before() {
    let wants: [fn() -> Command; 3] = [|| claim(1), || claim_for(1, secs(9)), || credit(1)];
    let granted = |replies: &[Reply]| {
        let is_one = |reply: &&Reply| match reply {
            Reply::Answer(_, _, Answer::Claimed(grants)) | Reply::Deliver(_, grants) => {
                !grants.is_empty()
            }
            Reply::Answer(..) | Reply::Revoke(..) | Reply::AskStop(..) => false,
        };
        replies.iter().filter(is_one).count()
    };
    for (name, start) in STARTS {
        for (at, want) in wants.iter().enumerate() {
            let mut open = start();
            let at_once = granted(&open.world.send(open.another, want()));
            let mut scene = paused(start);
            assert_eq!(
                granted(&scene.world.send(scene.another, want())),
                0,
                "{name}"
            );
            assert_eq!(scene.world.pool.first_ready(), None, "{name}");
            assert_eq!(scene.world.pool.ready(), 0, "{name}");
            let waited = usize::from(at > 0) * at_once;
            assert_eq!(granted(&pause(&mut scene, None)), waited, "{name}: {at}");
        }
    }
}
