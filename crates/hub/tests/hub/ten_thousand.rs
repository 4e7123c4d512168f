//! Ten thousand sessions that die in every way: no claim leaks, none is requeued twice.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use leasehold_core::TaskId;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    endings::{End, born_to, die},
    raw::{Node, Stage, config},
    verbs::{LONG, claim, complete, fail, release},
};

const SESSIONS: usize = 10_000;
const TASKS: usize = 3_000;
const AT_A_TIME: usize = 64;

/// Those who end a session in no time. Silence takes a second, and has a test of its own.
const ENDS: [End; 6] = [
    End::Bye,
    End::Fin,
    End::Reset,
    End::ActorPanics,
    End::ActorKilled,
    End::IoAborted,
];

/// What must have become of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Completed,
    Counted,
    Uncounted,
    /// Which of two is for the hub to say: it ended the session before or after it read.
    Either,
}

fn patient() -> leasehold_hub::HubConfig {
    let mut config = config();
    // The witness says nothing while they die, which takes a busy machine more than ten seconds.
    config.session.silence_after = Duration::from_secs(600);
    let pool = &mut config.pool_defaults;
    pool.cut_grace = Duration::from_millis(20);
    pool.attempts_max = 1000;
    pool.losses_max = 1000;
    pool.suspect_after = 1000;
    pool.interruptions_max = 1_000_000;
    pool.back_off.base = Duration::from_millis(1);
    pool.back_off.cap = Duration::from_millis(1);
    config
}

/// One session from birth to death: which task it was granted, and what must become of that.
async fn live(stage: Arc<Stage>, number: usize) -> Option<(TaskId, Fate)> {
    let end = ENDS[number % ENDS.len()];
    let name = format!("node-{number}");
    // A fifth over TCP; resets need it.
    let mut node = if end == End::Reset || number.is_multiple_of(30) {
        born_to(end, &stage, &name).await
    } else {
        stage.inside(&name).await
    };
    if (number / ENDS.len()).is_multiple_of(16) {
        // It does not live to see the answer. A pool of its own: what it was granted, nobody knows.
        node.ask(claim("unseen", 1, LONG)).await;
        die(end, &stage, node).await;
        return None;
    }
    let held = node.claim_one("seen").await;
    let fate = match (number / ENDS.len()) % 4 {
        0 if end == End::Bye => Fate::Uncounted,
        0 => Fate::Counted,
        1 => {
            node.ask(complete(held.proof, None)).await;
            if end.is_the_hubs() {
                Fate::Either
            } else {
                Fate::Completed
            }
        }
        2 => {
            node.ask(fail(held.proof, "on purpose")).await;
            Fate::Counted
        }
        _ => {
            let id = node.ask(release(held.proof)).await;
            if end.is_the_hubs() {
                node.answer(id).await;
            }
            Fate::Uncounted
        }
    };
    die(end, &stage, node).await;
    Some((held.proof.task, fate))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_sessions_die_and_nothing_leaks() {
    let stage = Arc::new(Stage::start(patient()).await);
    let mut witness = stage.inside("witness").await;
    let tasks = witness.enqueue_many("seen", TASKS).await;
    witness.enqueue_many("unseen", 100).await;

    let fates = all_lives(&stage).await;
    let status = witness
        .until(|status| {
            let is_quiet = status
                .pools
                .iter()
                .all(|pool| pool.claimed + pool.scheduled == 0);
            is_quiet && status.sessions_open == 1
        })
        .await;
    let count = |name: &str| {
        let pool = status.pools.iter().find(|pool| pool.name.as_str() == name);
        pool.map_or((0, 0, 0), |pool| (pool.ready, pool.completed, pool.waiting))
    };
    assert_eq!(count("unseen"), (100, 0, 0));
    let (ready, completed, waiting) = count("seen");
    assert_eq!((ready + completed, waiting), (TASKS as u64, 0));
    check_fates(&mut witness, &tasks, fates).await;
}

async fn all_lives(stage: &Arc<Stage>) -> BTreeMap<TaskId, Vec<Fate>> {
    let room = Arc::new(Semaphore::new(AT_A_TIME));
    let mut lives = JoinSet::new();
    for number in 0..SESSIONS {
        let room = room
            .clone()
            .acquire_owned()
            .await
            .expect("it is never closed");
        let life = live(stage.clone(), number);
        lives.spawn(async move {
            let _room = room;
            life.await
        });
    }
    let mut fates: BTreeMap<TaskId, Vec<Fate>> = BTreeMap::new();
    while let Some(life) = lives.join_next().await {
        if let Some((task, fate)) = life.expect("a life ends without a panic") {
            fates.entry(task).or_default().push(fate);
        }
    }
    fates
}

/// Each grant has ended once: so many attempts, so many interruptions.
async fn check_fates(witness: &mut Node, tasks: &[TaskId], fates: BTreeMap<TaskId, Vec<Fate>>) {
    let seen: usize = fates.values().map(Vec::len).sum();
    let mut grants = 0;
    for id in tasks {
        let fates = fates.get(id).map_or(&[][..], Vec::as_slice);
        let count = |fate| fates.iter().filter(|of| **of == fate).count();
        let detail = witness.task(*id).await;
        let attempts = count(Fate::Completed) + count(Fate::Counted) + count(Fate::Either);
        assert_eq!(
            detail.summary.attempt as usize, attempts,
            "{detail:?} after {fates:?}"
        );
        let interruptions = detail.interruptions as usize;
        assert_eq!(
            interruptions,
            count(Fate::Uncounted),
            "{detail:?} after {fates:?}"
        );
        let is_completed = detail.summary.state.is_end();
        assert!(
            is_completed || count(Fate::Completed) == 0,
            "{detail:?} after {fates:?}"
        );
        assert!(count(Fate::Completed) <= 1, "completed twice: {detail:?}");
        grants += fates.len();
    }
    assert_eq!(grants, seen, "every grant was of a task that was enqueued");
}
