//! Short words for what tests say often.

use std::time::Duration;

use leasehold_core::*;

use super::World;

pub(crate) fn id(number: u128) -> TaskId {
    TaskId::from_u128(number)
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn node(name: &str, incarnation: u64) -> Node {
    Node {
        name: NodeName::new(name).expect("a good name"),
        incarnation: Incarnation(incarnation),
    }
}

/// An urgent task with an empty payload.
pub(crate) fn task(number: u128) -> NewTask {
    NewTask {
        id: id(number),
        priority: 0,
        attempts_max: None,
        delay: Duration::ZERO,
        payload: "".into(),
        wishes: vec![],
    }
}

/// The same with wishes.
pub(crate) fn wishing<const N: usize>(number: u128, wishes: [Wish; N]) -> NewTask {
    NewTask {
        wishes: wishes.into(),
        ..task(number)
    }
}

/// A failure, with a word on what is to become of the task.
pub(crate) fn fail_so(proof: LeaseRef, then: AfterFailure) -> Command {
    Command::Fail(vec![Failure {
        proof,
        reason: "it broke".into(),
        then,
    }])
}

pub(crate) fn claim(tasks_max: u32) -> Command {
    claim_for(tasks_max, Duration::ZERO)
}

pub(crate) fn claim_for(tasks_max: u32, wait: Duration) -> Command {
    Command::Claim(Claim {
        tasks_max,
        wait,
        lease: None,
    })
}

pub(crate) fn credit(tasks: u32) -> Command {
    Command::Credit(Credit { tasks, lease: None })
}

pub(crate) fn complete(proof: LeaseRef) -> Command {
    Command::Complete(vec![Completion {
        proof,
        result: None,
        then: vec![],
    }])
}

pub(crate) fn fail(proof: LeaseRef) -> Command {
    Command::Fail(vec![Failure {
        proof,
        reason: "it broke".into(),
        then: AfterFailure::ByPolicy,
    }])
}

pub(crate) fn await_for(number: u128, wait: Duration) -> Command {
    Command::Await(Await {
        task: id(number),
        wait,
    })
}

/// A lease that nobody was ever granted.
pub(crate) fn invented(number: u128) -> LeaseRef {
    let lease = LeaseId {
        pool: PoolId(1),
        epoch: Epoch(1),
        number: 999,
    };
    LeaseRef {
        task: id(number),
        lease,
    }
}

pub(crate) fn proof_of(grant: &Grant) -> LeaseRef {
    LeaseRef {
        task: grant.task,
        lease: grant.lease,
    }
}

pub(crate) const LOST: Answer = Answer::Refused(Rejection::LeaseLost);

/// What this request was answered with.
pub(crate) fn answer_to(
    replies: &[Reply],
    session: SessionId,
    request: RequestId,
) -> Option<&Answer> {
    replies.iter().find_map(|reply| match reply {
        Reply::Answer(to, of, answer) => (*to == session && *of == request).then_some(answer),
        Reply::Deliver(..) | Reply::Revoke(..) | Reply::AskStop(..) => None,
    })
}

/// The only item of an answer to a batch of one, a refusal in place of it.
pub(crate) fn only(answer: Answer) -> Answer {
    match answer {
        Answer::Done(items) => match items.as_slice() {
            [Err(refusal)] => Answer::Refused(refusal.clone()),
            _ => Answer::Done(items),
        },
        Answer::Extended(items) => match items.as_slice() {
            [Err(refusal)] => Answer::Refused(refusal.clone()),
            _ => Answer::Extended(items),
        },
        Answer::Enqueued(_)
        | Answer::Claimed(_)
        | Answer::Credited(_)
        | Answer::Revived(_)
        | Answer::Awaited(_)
        | Answer::Purged(_)
        | Answer::Refused(_) => answer,
    }
}

pub(crate) fn done() -> Answer {
    Answer::Done(vec![Ok(())])
}

impl World {
    /// Puts urgent tasks in, in this order.
    pub(crate) fn enqueue(&mut self, producer: SessionId, numbers: &[u128]) -> Vec<Reply> {
        let tasks = numbers.iter().map(|number| task(*number)).collect();
        self.send(producer, Command::Enqueue(tasks))
    }

    /// Puts one task in: what the answer says of it.
    pub(crate) fn put(&mut self, session: SessionId, new: NewTask) -> Result<Accepted, Rejection> {
        let Answer::Enqueued(mut items) = self.ask(session, Command::Enqueue(vec![new])) else {
            panic!("an enqueue is answered so")
        };
        items.remove(0)
    }

    /// What the task died of.
    pub(crate) fn death(&self, number: u128) -> Option<Death> {
        match self.task(number).state {
            State::Dead { cause, .. } => Some(cause),
            State::Scheduled { .. }
            | State::Ready
            | State::Claimed
            | State::Completed { .. }
            | State::Cancelled { .. } => None,
        }
    }

    pub(crate) fn revive(&mut self, session: SessionId, number: u128) {
        let revive = Command::Revive(Revive::Tasks(vec![id(number)]));
        let answer = self.ask(session, revive);
        assert_eq!(answer, Answer::Revived(vec![(id(number), Ok(()))]));
    }

    fn claimed(&mut self, session: SessionId, tasks_max: u32) -> Vec<Grant> {
        let answer = self.ask(session, claim(tasks_max));
        let Answer::Claimed(grants) = answer else {
            panic!("{answer:?} answers no claim")
        };
        grants
    }

    /// Claims one task, if one is ready.
    pub(crate) fn take(&mut self, session: SessionId) -> Option<LeaseRef> {
        self.claimed(session, 1).first().map(proof_of)
    }

    /// Claims one task that must be ready.
    pub(crate) fn must_take(&mut self, session: SessionId) -> LeaseRef {
        self.take(session).expect("a task is ready")
    }

    /// Claims all that is ready: the numbers of the tasks, in the order of their grants.
    pub(crate) fn take_all(&mut self, session: SessionId) -> Vec<u128> {
        let number = |grant: &Grant| grant.task.as_u128();
        self.claimed(session, 100).iter().map(number).collect()
    }

    pub(crate) fn complete(&mut self, session: SessionId, proof: LeaseRef) -> Answer {
        only(self.ask(session, complete(proof)))
    }

    pub(crate) fn fail(&mut self, session: SessionId, proof: LeaseRef) -> Answer {
        only(self.ask(session, fail(proof)))
    }

    pub(crate) fn release(&mut self, session: SessionId, proof: LeaseRef) -> Answer {
        only(self.ask(session, Command::Release(vec![proof])))
    }

    pub(crate) fn extend(&mut self, session: SessionId, proof: LeaseRef) -> Answer {
        only(self.ask(session, Command::Extend(vec![proof], None)))
    }

    pub(crate) fn resume(&mut self, session: SessionId, proofs: &[LeaseRef]) -> Answer {
        self.ask(session, Command::Resume(proofs.to_vec()))
    }

    pub(crate) fn cancel(&mut self, session: SessionId, number: u128) -> Answer {
        only(self.ask(session, Command::Cancel(vec![id(number)])))
    }
}
