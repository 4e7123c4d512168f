//! How the model takes in what came of a step, and what may come of one at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use leasehold_core::*;

use super::model::{Model, Newest};

/// What the replies of one step say that its changes must bear out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    granted: BTreeMap<LeaseRef, (SessionId, Duration)>,
    revoked: BTreeSet<(SessionId, LeaseRef)>,
}

impl Model {
    /// Takes in what came of a step.
    pub(crate) fn observe(&mut self, now: Timestamp, out: &Transition) {
        let mut said = Said::default();
        for reply in &out.replies {
            self.heard(reply, &mut said);
        }
        for change in &out.changes {
            match change {
                Change::Put { task, cause, .. } => self.put(now, task, *cause, &mut said),
                Change::Forget(id) => self.forgotten(*id),
                Change::Note { name, .. } => panic!("nobody asked for {name:?}"),
            }
        }
        assert_eq!(
            said,
            Said::default(),
            "something was said that did not happen"
        );
    }

    fn heard(&mut self, reply: &Reply, said: &mut Said) {
        let to = reply.session();
        assert!(self.is_open(to), "{reply:?} goes to nobody");
        match reply {
            Reply::Answer(_, request, answer) => {
                let was_asked = self.parked.remove(&(to, *request));
                assert!(was_asked, "{reply:?} answers no request");
                if let Answer::Claimed(grants) = answer {
                    said.grants(to, grants);
                }
            }
            Reply::Deliver(_, grants) => said.grants(to, grants),
            Reply::AskStop(_, proof, _) => panic!("nobody asked to stop {proof:?}"),
            Reply::Revoke(_, proof, _) => assert!(said.revoked.insert((to, *proof))),
        }
    }

    fn put(&mut self, now: Timestamp, task: &Task, cause: Cause, said: &mut Said) {
        if cause == Cause::Requeued(AttemptEnding::Released) {
            self.is_resumers_to_release(task);
        }
        self.loses_its_lease(task, cause, said);
        if cause == Cause::Claimed {
            self.goes_first(task);
        }
        let before = self.tasks.insert(task.id, task.clone());
        match before {
            None => assert_eq!(cause, Cause::Enqueued, "a task comes from nowhere"),
            Some(before) => follows(&before, task, cause),
        }
        assert!(task.failures() <= task.attempts_max);
        assert!(task.losses() <= task.losses_max(&self.settings));
        if cause == Cause::Claimed {
            self.grant(now, task, said);
        }
    }

    /// A resume gives back what its node had in earlier sessions and did not name, no more.
    fn is_resumers_to_release(&self, task: &Task) {
        let Some((session, named)) = &self.resuming else {
            return;
        };
        let newest = &self.newest[&task.id];
        assert_eq!(newest.node, self.open[session], "{newest:?}");
        assert!(newest.session < *session, "{newest:?} was had later");
        assert!(!named.contains(&newest.proof), "{newest:?} was named");
    }

    /// Whether the newest lease is good no more, and whether its holder was told.
    fn loses_its_lease(&mut self, task: &Task, cause: Cause, said: &mut Said) {
        let open = &self.open;
        let Some(newest) = self.newest.get_mut(&task.id) else {
            return;
        };
        let is_good = task
            .lease
            .as_ref()
            .is_some_and(|lease| lease.id == newest.proof.lease);
        assert!(
            newest.good || !is_good,
            "a lease that was given up is good again"
        );
        let is_lost = newest.good && !is_good && !is_given_up(cause);
        newest.good = is_good;
        if is_lost && open.contains_key(&newest.session) {
            let told = said.revoked.remove(&(newest.session, newest.proof));
            assert!(told, "{newest:?} was lost, and nobody said so");
        }
    }

    /// Whether no ready task should have gone before this one.
    fn goes_first(&self, task: &Task) {
        let ready = self
            .tasks
            .values()
            .filter(|other| other.state == State::Ready);
        let first = ready
            .min_by_key(|other| self.order(other))
            .map(|other| other.id);
        assert_eq!(first, Some(task.id), "another task should have gone first");
    }

    fn order(&self, task: &Task) -> (u64, Timestamp, u64) {
        let rank = match self.settings.aging {
            Aging::Strict => task.priority.into(),
            Aging::Step(step) => (task.ready_at + step * task.priority).as_millis(),
        };
        (rank, task.ready_at, task.place)
    }

    fn grant(&mut self, now: Timestamp, task: &Task, said: &mut Said) {
        let lease = task.lease.clone().expect("claimed on a lease");
        let proof = LeaseRef {
            task: task.id,
            lease: lease.id,
        };
        let (session, lease_for) = said.granted.remove(&proof).expect("who claims is told");
        assert_eq!(self.open.get(&session), Some(&lease.node));
        assert!(!self.superseded.contains(&session), "nobody reads that");
        let last = self.granted.last();
        assert!(
            last.is_none_or(|(last, _)| last.lease < proof.lease),
            "{proof:?} was granted before"
        );
        self.granted.push((proof, lease.node.clone()));
        let newest = Newest {
            proof,
            node: lease.node,
            good: true,
            session,
            until: now + lease_for,
        };
        self.newest.insert(task.id, newest);
    }

    fn forgotten(&mut self, id: TaskId) {
        let task = self
            .tasks
            .remove(&id)
            .expect("only what is known is forgotten");
        assert!(task.state.kind().is_end(), "{task:?} was live");
        self.newest.remove(&id);
    }
}

impl Said {
    fn grants(&mut self, to: SessionId, grants: &[Grant]) {
        for grant in grants {
            let proof = LeaseRef {
                task: grant.task,
                lease: grant.lease,
            };
            let before = self.granted.insert(proof, (to, grant.lease_for));
            assert_eq!(before, None, "one grant, one delivery");
        }
    }
}

/// Whether it is the holder that ended its lease, by its answer or by its going.
fn is_given_up(cause: Cause) -> bool {
    use AttemptEnding::{Failed, Released};
    matches!(cause, Cause::Completed | Cause::Requeued(Failed | Released))
}

/// Whether a task may become this from what it was.
fn follows(before: &Task, task: &Task, cause: Cause) {
    let kind = before.state.kind();
    assert_ne!(cause, Cause::Enqueued, "one id, one task");
    assert!(
        !kind.is_end() || (cause, kind) == (Cause::Revived, StateKind::Dead),
        "an end is an end"
    );
    assert!(
        cause != Cause::Extended || before == task,
        "an extension is not stored"
    );
    assert!(
        cause != Cause::Claimed || kind == StateKind::Ready,
        "two leases on one task"
    );
    let lasting = |task: &Task| {
        (
            task.place,
            task.priority,
            task.attempts_max,
            task.enqueued_at,
            task.payload_len,
        )
    };
    assert_eq!(lasting(before), lasting(task));
}
