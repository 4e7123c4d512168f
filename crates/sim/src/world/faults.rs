//! What goes wrong with hub, nodes, the network and the wall clock.

use leasehold_core::{Ending, SessionId};

use super::{Event, NOBODY, World};
use crate::{
    chance::Site, features::SCHEDULES, hub::millis, mutation::Mutation, oracle::Verdict, rng::Rng,
};

/// What the wall clock is set forwards or back by, in milliseconds.
const JUMPS_MS: [i64; 6] = [
    70_000,
    3_600_000,
    5 * 3_600_000,
    -3_000,
    -3_600_000,
    -5 * 3_600_000,
];

/// As far where every instant that a schedule missed is made up for.
const JUMP_MS_MAX_WITH_INSTANTS: i64 = 90_000;

impl World {
    /// One thing goes wrong, and the next is on its way.
    pub(super) fn fault(&mut self) -> Verdict {
        if self.is_calm {
            return Ok(());
        }
        let mut again = self.chance.draw(self.now, Site::FaultAgain, NOBODY);
        let next = again.within(1, 2 * self.plan.fault_every_ms);
        self.after(next, Event::Fault);
        let Some(mut rng) = self.chance.happens(self.now, Site::Fault, NOBODY, 100) else {
            return Ok(());
        };
        self.go_wrong(&mut rng)
    }

    fn go_wrong(&mut self, rng: &mut Rng) -> Verdict {
        let session = self.pick_session(rng);
        match (rng.within(0, 99), session) {
            (0..28, Some(session)) => self.cut(session, rng),
            (28..42, Some(session)) => self.fall_silent(session, rng),
            (42..56, _) => self.freeze(rng),
            (56..65, Some(session)) => return self.dismiss(session),
            (65..80, _) => {
                let (is_kept, mut down_for) = (rng.chance(50), rng.within(0, 1500));
                if SCHEDULES && rng.chance(5) {
                    // Long enough for instants to be missed.
                    down_for += 65_000;
                }
                self.bring_down(is_kept, down_for);
            }
            (80..88, _) => self.set_clock(rng),
            (_, _) => {
                let node = rng.index(self.nodes.len());
                self.kill(node, rng.within(10, 3000));
            }
        }
        Ok(())
    }

    /// One of a node, so that the choice is the same whatever connections came before.
    fn pick_session(&mut self, rng: &mut Rng) -> Option<SessionId> {
        let node = rng.index(self.nodes.len());
        self.network.open_at_hub(node)
    }

    /// A process dies; the hub sees its connection go.
    pub(super) fn kill(&mut self, node: usize, down_for: u64) {
        self.tell(format_args!("node {node} dies, for {down_for} ms"));
        if let Some(session) = self.nodes[node].session {
            self.sever(session);
            let mut rng = self.chance.draw(self.now, Site::Notice, node);
            let notices = rng.within(0, 50);
            self.after(notices, Event::HubNotices(session, Ending::Cut));
        }
        self.nodes[node].reborn();
        self.nodes[node].frozen_until = self.now + millis(down_for);
    }

    /// The connection goes, and both ends see it, one earlier than the other.
    fn cut(&mut self, session: SessionId, rng: &mut Rng) {
        if rng.chance(30) {
            return self.close_at_node(session);
        }
        self.note(session, "is cut");
        self.sever(session);
        let (hub, node) = (rng.within(0, 300), rng.within(0, 300));
        self.notice_apart(session, hub, node);
    }

    /// Nothing passes, and neither end sees why.
    fn fall_silent(&mut self, session: SessionId, rng: &mut Rng) {
        self.note(session, "falls silent");
        self.sever(session);
        let silence = self.plan.silence_ms;
        let node = rng.within(silence / 4, silence * 2);
        self.after(silence, Event::HubNotices(session, Ending::Silence));
        self.after(node, Event::NodeNotices(session));
    }

    /// A process stands still, for a moment or for so long that it is given up.
    fn freeze(&mut self, rng: &mut Rng) {
        let node = rng.index(self.nodes.len());
        let silence = self.plan.silence_ms;
        let lasts = rng.within(50, silence * 3);
        self.tell(format_args!("node {node} stands still for {lasts} ms"));
        let thaw = self.now + millis(lasts);
        self.nodes[node].frozen_until = self.nodes[node].frozen_until.max(thaw);
        if let Some(session) = self.nodes[node].session.filter(|_| lasts > silence) {
            self.after(silence, Event::HubNotices(session, Ending::Silence));
        }
    }

    /// Nobody's lease ends by it, and no instant fires twice; it is seen at the hub's next start.
    fn set_clock(&mut self, rng: &mut Rng) {
        let by_ms = rng.pick(&JUMPS_MS).unwrap_or_default();
        let by_ms = if self.plan.jumps_far {
            by_ms
        } else {
            by_ms.clamp(-JUMP_MS_MAX_WITH_INSTANTS, JUMP_MS_MAX_WITH_INSTANTS)
        };
        self.clock.set(by_ms);
        self.witness.oracle.count(if by_ms < 0 {
            "clock set back"
        } else {
            "clock set forwards"
        });
        if self.trial.bug == Some(Mutation::ClockFollowed) {
            self.clock.follow_the_wall();
            self.witness.trace.skew_ms = self.clock.ahead_ms();
        }
        let seconds = by_ms / 1_000;
        self.tell(format_args!("*** the wall clock is set by {seconds} s"));
        if rng.chance(50) {
            self.bring_down(rng.chance(50), rng.within(0, 500));
        }
    }

    /// The hub sends a session away.
    fn dismiss(&mut self, session: SessionId) -> Verdict {
        self.note(session, "is dismissed");
        self.end_session(session, Ending::Dismissed)
    }

    fn sever(&mut self, session: SessionId) {
        if let Some(wire) = self.network.wire(session) {
            wire.is_severed = true;
        }
    }

    pub(super) fn note(&mut self, session: SessionId, what: &str) {
        let who = self.witness.trace.who(session);
        self.tell(format_args!("the connection of {who} {what}"));
    }
}
