//! How a task comes to be in each state.

use std::time::Duration;

use leasehold_core::*;

use crate::harness::*;

/// Task 1, and who is there.
pub(super) struct Scene {
    pub(super) world: World,
    /// The open session of the node that held the task first.
    pub(super) me: SessionId,
    pub(super) another: SessionId,
    pub(super) producer: SessionId,
    /// The lease that I was granted last, or one that I invent.
    pub(super) mine: LeaseRef,
}

pub(super) type Start = fn() -> Scene;

pub(super) const STARTS: [(&str, Start); 20] = [
    ("unknown", unknown),
    ("scheduled: delayed", delayed),
    ("scheduled: I failed it", failed),
    ("scheduled: cut twice, kept", suspect),
    ("ready", ready),
    ("ready: I released it", released),
    ("ready: deadline, kept", expired),
    ("ready: cut, kept", cut),
    ("ready: silence, kept", silent),
    ("ready: hub restart, kept", hub_gone),
    ("claimed: mine", mine),
    ("claimed: another's", anothers),
    ("claimed: adrift by cut", adrift_by_cut),
    ("claimed: adrift by restart", adrift_by_restart),
    ("completed: by me", completed_by_me),
    ("completed: by another", completed_by_another),
    ("cancelled: was mine", cancelled),
    ("dead: I failed it", dead_by_failure),
    ("dead: deadline", dead_by_deadline),
    ("forgotten", forgotten),
];

fn settings() -> PoolSettings {
    let wait = secs(600);
    PoolSettings {
        suspect_after: 2,
        back_off: BackOff {
            base: wait,
            cap: wait,
            ..BackOff::default()
        },
        ..PoolSettings::default()
    }
}

fn unknown() -> Scene {
    let mut world = World::new(settings());
    Scene {
        me: world.open(1, &node("me", 1)),
        another: world.open(2, &node("another", 1)),
        producer: world.open(3, &node("producer", 1)),
        mine: invented(1),
        world,
    }
}

pub(super) fn enqueued(new: NewTask) -> Scene {
    let mut scene = unknown();
    scene
        .world
        .send(scene.producer, Command::Enqueue(vec![new]));
    scene
}

fn delayed() -> Scene {
    let delay = secs(600);
    enqueued(NewTask { delay, ..task(1) })
}

fn ready() -> Scene {
    enqueued(task(1))
}

impl Scene {
    pub(super) fn i_take_it(mut self) -> Self {
        self.mine = self.world.must_take(self.me);
        self
    }

    pub(super) fn pass(&mut self, time: Duration) -> Vec<Reply> {
        self.world.pass(time)
    }

    /// My session ends so, and my node opens another.
    fn i_blink(mut self, ending: Ending) -> Self {
        self.world.end(self.me, ending);
        self.me = self.world.open(self.me.0 + 10, &node("me", 1));
        self
    }

    pub(super) fn after(mut self, time: Duration) -> Self {
        self.pass(time);
        self
    }

    fn hub_restarts(mut self) -> Self {
        self.world.restart();
        self.me = self.world.open(self.me.0 + 10, &node("me", 1));
        self.another = self.world.open(self.another.0 + 10, &node("another", 1));
        self.producer = self.world.open(self.producer.0 + 10, &node("producer", 1));
        self
    }
}

fn mine() -> Scene {
    ready().i_take_it()
}

fn with_one_attempt() -> Scene {
    let attempts_max = Some(1);
    enqueued(NewTask {
        attempts_max,
        ..task(1)
    })
    .i_take_it()
}

fn failed() -> Scene {
    let mut scene = mine();
    scene.world.fail(scene.me, scene.mine);
    scene
}

fn released() -> Scene {
    let mut scene = mine();
    scene.world.release(scene.me, scene.mine);
    scene
}

fn expired() -> Scene {
    mine().after(secs(30))
}

fn cut() -> Scene {
    adrift_by_cut().after(ms(500))
}

fn suspect() -> Scene {
    cut().i_take_it().i_blink(Ending::Cut).after(ms(500))
}

fn silent() -> Scene {
    mine().i_blink(Ending::Silence)
}

fn hub_gone() -> Scene {
    adrift_by_restart().after(secs(10))
}

fn anothers() -> Scene {
    let mut scene = expired();
    scene.world.must_take(scene.another);
    scene
}

fn adrift_by_cut() -> Scene {
    mine().i_blink(Ending::Cut)
}

fn adrift_by_restart() -> Scene {
    mine().hub_restarts()
}

fn completed_by_me() -> Scene {
    let mut scene = mine();
    scene.world.complete(scene.me, scene.mine);
    scene
}

fn completed_by_another() -> Scene {
    let mut scene = expired();
    let theirs = scene.world.must_take(scene.another);
    scene.world.complete(scene.another, theirs);
    scene
}

fn cancelled() -> Scene {
    let mut scene = mine();
    scene.world.cancel(scene.producer, 1);
    scene
}

fn dead_by_failure() -> Scene {
    let mut scene = with_one_attempt();
    scene.world.fail(scene.me, scene.mine);
    scene
}

fn dead_by_deadline() -> Scene {
    with_one_attempt().after(secs(30))
}

fn forgotten() -> Scene {
    completed_by_me().after(secs(24 * 3600))
}
