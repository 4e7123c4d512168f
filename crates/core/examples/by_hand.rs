//! Drives a pool with no runtime: the clock is a number that is moved by hand.
//!
//! `cargo run -p leasehold-core --example by_hand`
#![expect(clippy::print_stdout, reason = "an example tells a story")]

use std::time::Duration;

use leasehold_core::*;

fn main() -> Result<(), NameError> {
    let mut now = Timestamp::from_millis(0);
    let mut pool = Pool::restore(PoolId(1), Epoch(1), PoolSettings::default(), now, vec![]);
    let node = Node {
        name: NodeName::new("crane-1")?,
        incarnation: Incarnation(7),
    };
    let task = NewTask {
        id: TaskId::from_u128(42),
        priority: 0,
        attempts_max: None,
        delay: Duration::from_secs(3),
        payload: "lift the beam".into(),
        wishes: vec![],
    };
    let claim = Claim {
        tasks_max: 1,
        wait: Duration::from_secs(60),
        lease: None,
    };
    let story = [
        (0, 1, Command::Open(node.clone())),
        (0, 1, Command::Enqueue(vec![task])),
        (0, 1, Command::Claim(claim)),
        (10_000, 1, Command::End(Ending::Cut)),
        (11_000, 2, Command::Open(node)),
        (11_000, 2, Command::Claim(claim)),
        (12_000, 2, Command::End(Ending::Bye)),
    ];
    for (at, session, command) in story {
        // What is due until then happens first, each at its own time.
        let at = Timestamp::from_millis(at);
        while let Some(next) = pool.next_deadline().filter(|next| *next <= at) {
            now = next;
            tell(now, |out| pool.advance(now, out));
        }
        now = now.max(at);
        println!("{:>6}  session {session}: {command:?}", now.as_millis());
        let (session, request) = (SessionId(session), RequestId(1));
        tell(now, |out| pool.apply(now, session, request, command, out));
    }
    for task in pool.tasks(None, None, usize::MAX) {
        println!(
            "{} is {}, and this is its past:",
            task.id,
            task.state.kind()
        );
        for past in &task.history {
            println!("  {} on {}: {}", past.lease, past.node.name, past.ending);
        }
    }
    Ok(())
}

/// Here a hub would make the changes durable, and only then let the replies leave.
fn tell(now: Timestamp, call: impl FnOnce(&mut Transition)) {
    let mut out = Transition::default();
    call(&mut out);
    for change in &out.changes {
        if let Change::Put { task, cause, .. } = change {
            println!("{:>6}    {cause:?}: {:?}", now.as_millis(), task.state);
        }
    }
    for reply in &out.replies {
        println!("{:>6}    {reply:?}", now.as_millis());
    }
}
