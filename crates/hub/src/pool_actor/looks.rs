//! Looks at all of a pool's tasks: a few steps for each message, with other work in between.

use std::{collections::VecDeque, mem};

use leasehold_core::{Listing, Pool, RequestId, SessionId};

use super::{
    outlet::{Part, Said},
    view,
};

/// Tasks that are looked at for one message: as long as a small batch takes.
const STEPS: usize = 1024;

/// What is answered when a look is over.
pub(super) enum Look {
    /// With a page of tasks.
    List(Listing),
    /// With nothing: it stands behind what its session looks for.
    Fence,
}

/// One after the other, in the order in which they were asked for.
#[derive(Default)]
pub(super) struct Looks(VecDeque<(SessionId, RequestId, Look)>);

impl Looks {
    /// Whether the session waits for one.
    pub(super) fn are_for(&self, session: SessionId) -> bool {
        self.0.iter().any(|(of, ..)| *of == session)
    }

    /// Whether there is nothing to look for.
    pub(super) fn are_over(&self) -> bool {
        self.0.is_empty()
    }

    /// True if nothing was looked for until now: somebody has to call [`Looks::go_on`].
    pub(super) fn begin(&mut self, session: SessionId, request: RequestId, look: Look) -> bool {
        self.0.push_back((session, request, look));
        self.0.len() == 1
    }

    /// The session has gone. Somebody is about to go on with the first, so that is only cut short.
    pub(super) fn forget(&mut self, session: SessionId) {
        if let Some((of, _, look)) = self.0.front_mut()
            && *of == session
        {
            *look = Look::Fence;
        }
        let mut is_first = true;
        self.0
            .retain(|(of, ..)| mem::take(&mut is_first) || *of != session);
    }

    /// A few steps further; returns what may be said now.
    pub(super) fn go_on(&mut self, pool: &Pool) -> Option<(SessionId, Said)> {
        let part = match &mut self.0.front_mut()?.2 {
            Look::List(listing) => Part::Whole(view::tasks(pool.list(listing, STEPS)?)),
            Look::Fence => Part::Fence,
        };
        let (session, request, _) = self.0.pop_front()?;
        Some((session, Said::Part(request, part)))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use leasehold_core::{
        Command, Epoch, Incarnation, NewTask, Node, NodeName, PoolId, PoolSettings, StateKind,
        TaskId, Timestamp, Transition, limits::BATCH_MAX,
    };
    use leasehold_wire::Response;

    use super::*;

    const CRANE: SessionId = SessionId(1);
    const HOIST: SessionId = SessionId(2);

    /// With so many batches of ready tasks.
    fn pool(batches: usize) -> Pool {
        let (settings, now) = (PoolSettings::default(), Timestamp::from_millis(1));
        let mut pool = Pool::restore(PoolId(1), Epoch(1), settings, now, []);
        let node = Node {
            name: NodeName::new("crane").unwrap(),
            incarnation: Incarnation(1),
        };
        let new = |number| NewTask {
            id: TaskId::from_u128(number as u128 + 1),
            priority: 0,
            attempts_max: None,
            delay: std::time::Duration::ZERO,
            payload: Bytes::new(),
            wishes: vec![],
        };
        let batch = |of: usize| (of * BATCH_MAX..(of + 1) * BATCH_MAX).map(new).collect();
        let enqueues = (0..batches).map(|of| Command::Enqueue(batch(of)));
        for command in [Command::Open(node)].into_iter().chain(enqueues) {
            let out = &mut Transition::default();
            pool.apply(now, CRANE, RequestId(1), command, out);
        }
        pool
    }

    fn list(tasks_max: usize) -> Look {
        Look::List(Listing::new(Some(StateKind::Ready), None, tasks_max))
    }

    #[test]
    fn a_look_takes_as_many_messages_as_the_pool_is_large() {
        let pool = pool(4);
        let mut looks = Looks::default();
        assert!(looks.begin(CRANE, RequestId(7), list(3)));
        for _ in 1..4 * BATCH_MAX / STEPS {
            assert!(looks.go_on(&pool).is_none() && !looks.are_over());
        }
        let said = looks.go_on(&pool);
        let Some((CRANE, Said::Part(RequestId(7), Part::Whole(Response::Tasks(page))))) = said
        else {
            panic!("a page was looked for: {said:?}");
        };
        let ids: Vec<_> = page.iter().map(|task| task.id).collect();
        assert_eq!(ids, [1, 2, 3].map(TaskId::from_u128));
        assert!(looks.are_over());
    }

    #[test]
    fn one_look_comes_after_the_other_and_a_fence_behind_both() {
        let pool = pool(0);
        let mut looks = Looks::default();
        assert!(looks.begin(CRANE, RequestId(1), list(3)));
        assert!(!looks.begin(HOIST, RequestId(1), list(3)));
        assert!(!looks.begin(CRANE, RequestId(2), Look::Fence));
        let mut said = Vec::new();
        while !looks.are_over() {
            said.extend(looks.go_on(&pool).map(|(session, _)| session));
        }
        assert_eq!(said, [CRANE, HOIST, CRANE]);
    }

    #[test]
    fn for_a_session_that_has_gone_nothing_is_looked_for() {
        let pool = pool(4);
        let mut looks = Looks::default();
        looks.begin(CRANE, RequestId(1), list(3));
        looks.begin(HOIST, RequestId(1), list(3));
        looks.begin(CRANE, RequestId(2), list(3));
        looks.forget(CRANE);
        assert!(looks.go_on(&pool).is_some(), "that was cut short");
        assert!(!looks.are_for(CRANE) && looks.are_for(HOIST));
        looks.forget(HOIST);
        assert!(looks.go_on(&pool).is_some() && looks.are_over());
    }
}
