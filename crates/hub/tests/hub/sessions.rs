//! What a session may do and must bear: silence, heartbeats, bounds, slow readers.

use std::time::Duration;

use bytes::Bytes;
use leasehold_core::{AttemptEnding, Rejection, StateKind};
use leasehold_wire::{FromHub, FromNode, RefusalCode, Request, Response};
use tokio::time::Instant;

use super::{
    raw::{Node, Stage, config, hello, within},
    verbs::{LONG, await_end, claim, credit, enqueue, item, new_id},
};

/// So long that a machine which stands still for a moment is not taken for it.
const SILENCE: Duration = Duration::from_secs(2);

fn impatient() -> leasehold_hub::HubConfig {
    let mut config = config();
    config.session.heartbeat = Duration::from_millis(300);
    config.session.silence_after = SILENCE;
    config
}

#[tokio::test]
async fn a_silent_node_is_told_and_its_leases_end_at_once() {
    let stage = Stage::start(impatient()).await;
    let mut node = stage.node("frozen").await;
    let id = node.enqueue("mail", b"x").await;
    // Before the last that it says: when that is heard the silence begins.
    let since = Instant::now();
    node.claim_one("mail").await;
    node.is_alive = false;
    let refusal = node.refused().await;
    assert_eq!(refusal.code, RefusalCode::Silence);
    assert!(since.elapsed() >= SILENCE, "{:?}", since.elapsed());

    let mut other = stage.node("other").await;
    let task = other.claim_one("mail").await;
    assert_eq!((task.proof.task, task.attempt), (id, 2));
    let history = other.task(id).await.history;
    let endings: Vec<_> = history.iter().map(|attempt| attempt.ending).collect();
    assert_eq!(endings, [AttemptEnding::Silence]);
}

#[tokio::test]
async fn pings_keep_a_session_and_the_hub_pings_as_promised() {
    let stage = Stage::start(impatient()).await;
    let mut node = stage.node("idle").await;
    assert_eq!(node.welcome.heartbeat_ms, 300);
    let since = Instant::now();
    let mut pings = 0;
    while since.elapsed() < SILENCE * 2 {
        assert_eq!(node.hear_even_pings().await, Some(FromHub::Ping));
        node.say(FromNode::Ping).await;
        pings += 1;
    }
    assert!(pings >= 5, "{pings} in more than ten heartbeats");
    node.status().await;
}

/// Part of a frame is a sign of life, too.
#[tokio::test]
async fn a_long_frame_in_small_pieces_is_no_silence() {
    use tokio::io::AsyncWriteExt;
    let stage = Stage::start(impatient()).await;
    let node = stage.node("modem").await;
    let id = new_id();
    let mut bytes = bytes::BytesMut::new();
    let body = enqueue("mail", vec![item(id, vec![7; 4000])]);
    let frame = FromNode::Request { id: 1, body };
    let length = leasehold_wire::encode_message(&frame, 1 << 20, &mut bytes).unwrap();
    let mut line = node.into_line();
    line.write_all(&length.to_be_bytes()).await.unwrap();
    let mut tick = tokio::time::interval(SILENCE / 4);
    for piece in bytes.chunks(bytes.len() / 8) {
        tick.tick().await;
        line.write_all(piece).await.unwrap();
    }
    let mut other = stage.node("other").await;
    within(async {
        while other.request(Request::Task { task: id }).await
            == Response::Refused(Rejection::NoSuchTask)
        {}
    })
    .await;
}

/// It never reads, and asks for answers that are much longer than its questions.
#[tokio::test]
async fn a_node_that_never_reads_is_bounded_and_ends_and_disturbs_nobody() {
    let stage = Stage::start(impatient()).await;
    let mut other = stage.node("other").await;
    let id = other.enqueue("mail", &vec![1; 512 * 1024]).await;

    let mut deaf = stage.node("deaf").await;
    let session = deaf.session();
    let flood = tokio::spawn(async move {
        // Until the hub has had enough.
        while deaf.try_ask(Request::Task { task: id }).await {}
        deaf
    });
    let mut worst = Duration::ZERO;
    loop {
        let since = Instant::now();
        let status = other.status().await;
        worst = worst.max(since.elapsed());
        if status.sessions.iter().all(|open| open.session != session) {
            break;
        }
    }
    assert!(worst < SILENCE, "others were held up for {worst:?}");
    flood.abort();
}

/// Answers that nobody reads are bounded by `requests_max`; the rest stays in the socket.
#[tokio::test]
async fn past_requests_max_the_hub_stops_reading_and_that_is_no_silence() {
    let mut config = impatient();
    config.session.requests_max = 8;
    let stage = Stage::start(config).await;
    let mut node = stage.node("eager").await;
    let mut other = stage.node("other").await;
    let id = other.enqueue("mail", b"x").await;
    let parked = claim("empty", 1, LONG);
    for _ in 0..8 {
        node.ask(parked.clone()).await;
    }
    let beyond = node.ask(Request::Task { task: id }).await;
    other
        .until(|status| status.pools.iter().any(|pool| pool.waiting == 8))
        .await;

    // Longer than silence may last; the hub's pings say that time passes.
    let since = Instant::now();
    while since.elapsed() < SILENCE * 2 {
        let heard = node.hear_even_pings().await;
        assert_eq!(
            heard,
            Some(FromHub::Ping),
            "it is not read, so it cannot be answered"
        );
        other.say(FromNode::Ping).await;
    }
    other.enqueue("empty", b"y").await;
    let Response::Task(detail) = node.answer(beyond).await else {
        panic!("a task was asked for");
    };
    assert_eq!(detail.summary.id, id);
}

#[tokio::test]
async fn a_node_that_writes_much_before_it_reads_is_served() {
    const REQUESTS: usize = 5000;
    let stage = Stage::start(config()).await;
    for mut node in [stage.node("eager").await, stage.inside("eager").await] {
        let (line, requests) = {
            let mut ids = Vec::new();
            for _ in 0..REQUESTS / 10 {
                for _ in 0..10 {
                    ids.push(node.feed(enqueue("mail", vec![item(new_id(), "x")])).await);
                }
                node.flush().await;
            }
            (node, ids)
        };
        let mut node = line;
        for id in requests {
            let Response::Enqueued(items) = node.answer(id).await else {
                panic!("an enqueue was asked for");
            };
            assert!(items[0].is_ok());
        }
    }
    let mut other = stage.node("other").await;
    assert_eq!(other.pool_status("mail").await.ready, 2 * REQUESTS as u64);
}

#[tokio::test]
async fn requests_to_one_pool_take_effect_in_order() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    let ids: Vec<_> = (0..500).map(|_| new_id()).collect();
    for id in &ids {
        node.feed(enqueue("mail", vec![item(*id, "x")])).await;
    }
    let last = node.feed(claim("mail", 4096, Duration::ZERO)).await;
    node.flush().await;
    let claimed: Vec<_> = node.claimed(last).await;
    let claimed: Vec<_> = claimed.iter().map(|task| task.proof.task).collect();
    assert_eq!(claimed.len(), ids.len());
    assert_eq!(claimed, ids);
}

#[tokio::test]
async fn a_newer_session_of_the_same_node_takes_over() {
    let stage = Stage::start(config()).await;
    let who = hello("twin");
    let mut older = Node::over_tcp(stage.address(), who.clone()).await;
    let id = older.enqueue("mail", b"x").await;
    let task = older.claim_one("mail").await;
    older.request(credit("mail", 5)).await;

    let mut newer = Node::over_tcp(stage.address(), who).await;
    assert_eq!(older.refused().await.code, RefusalCode::Superseded);
    assert!(newer.resume(&[task.proof]).await[0].is_ok());
    newer.complete(&task).await.unwrap();
    let detail = newer.task(id).await;
    assert_eq!(detail.summary.state, StateKind::Completed);
    assert_eq!(detail.summary.attempt, 1);

    // Of the same name, but another run: somebody else.
    let mut stranger = stage.node("twin").await;
    stranger.status().await;
    newer.status().await;
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_and_the_session_goes_on() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    node.enqueue("mail", b"x").await;
    let id = new_id();
    let nothing_known = [
        (Request::Task { task: id }, Rejection::NoSuchTask),
        (await_end("mail", id, LONG), Rejection::NoSuchTask),
        (
            await_end("nowhere", id, LONG),
            Rejection::NoSuchPool("nowhere".to_owned()),
        ),
    ];
    for (request, rejection) in nothing_known {
        assert_eq!(node.request(request).await, Response::Refused(rejection));
    }
    let too_much = [
        claim("mail", 0, Duration::ZERO),
        claim("mail", 5000, Duration::ZERO),
        claim("mail", 1, Duration::from_secs(4000)),
        credit("mail", 5000),
        enqueue(
            "mail",
            (0..4097).map(|_| item(new_id(), Bytes::new())).collect(),
        ),
        Request::Cancel {
            tasks: vec![id; 4097],
        },
        Request::Claim {
            pool: super::verbs::pool("mail"),
            tasks_max: 1,
            wait_ms: 0,
            lease_ms: Some(1),
        },
    ];
    for request in too_much {
        let what = format!("{request:?}");
        let answer = node.request(request).await;
        let is_refused = matches!(answer, Response::Refused(Rejection::OutOfBounds { .. }));
        assert!(is_refused, "{what:.80}: {answer:?}");
    }
    assert_eq!(node.pool_status("mail").await.ready, 1);
}

#[tokio::test]
async fn anothers_lease_is_lost_to_whoever_shows_it() {
    let stage = Stage::start(config()).await;
    let (mut node, mut thief) = (stage.node("crane").await, stage.node("thief").await);
    let id = node.enqueue("mail", b"x").await;
    let task = node.claim_one("mail").await;
    assert_eq!(thief.complete(&task).await, Err(Rejection::LeaseLost));
    assert_eq!(
        thief.done(super::verbs::release(task.proof)).await,
        Err(Rejection::LeaseLost)
    );
    assert_eq!(
        thief.resume(&[task.proof]).await,
        [Err(Rejection::LeaseLost)]
    );
    let mut unknown = task.proof;
    unknown.lease.pool.0 = 4711;
    assert_eq!(
        node.done(super::verbs::complete(unknown, None)).await,
        Err(Rejection::LeaseLost)
    );
    assert_eq!(node.state(id).await, StateKind::Claimed);
    node.complete(&task).await.unwrap();
    assert_eq!(thief.pool_status("mail").await.lease_lost, 3);
}
