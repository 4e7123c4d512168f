//! Looking, cancelling, reviving.

use leasehold_node::{
    HubStatus, Inspector, Rejection, RequestError, StateKind, Status, StoreStatus, TaskId,
};
use leasehold_wire::{Request, Response};

use crate::{
    fake_hub::{hub, options, pool_name},
    producer::{detail, summary},
};

fn ids(numbers: impl IntoIterator<Item = u128>) -> Vec<TaskId> {
    numbers.into_iter().map(TaskId::from_u128).collect()
}

#[tokio::test(start_paused = true)]
async fn a_status_and_a_task_come_as_they_are() {
    let (endpoint, mut hub) = hub();
    let inspector = Inspector::new(endpoint, options());
    let mut session = hub.accept().await;
    let looks = tokio::spawn(async move {
        let status = inspector.status(None).await;
        (
            status,
            inspector.task(TaskId::from_u128(1)).await,
            inspector,
        )
    });
    let (id, asked) = session.request().await;
    assert_eq!(asked, Request::Status { pool: None });
    session
        .respond(id, Response::Status(Box::new(status())))
        .await;
    let (id, _) = session.request().await;
    let there = Response::Task(Box::new(detail(StateKind::Dead)));
    session.respond(id, there).await;
    let (seen, task, inspector) = looks.await.unwrap();
    assert_eq!(seen, Ok(status()));
    assert_eq!(task, Ok(detail(StateKind::Dead)));
    let looks = tokio::spawn(async move { inspector.task(TaskId::from_u128(2)).await });
    let (id, _) = session.request().await;
    session
        .respond(id, Response::Refused(Rejection::NoSuchTask))
        .await;
    let none = Err(RequestError::Rejected(Rejection::NoSuchTask));
    assert_eq!(looks.await.unwrap(), none);
}

#[tokio::test(start_paused = true)]
async fn a_long_list_is_asked_for_page_by_page() {
    let (endpoint, mut hub) = hub();
    hub.welcome.batch_max = 2;
    let inspector = Inspector::new(endpoint, options());
    let mut session = hub.accept().await;
    let looks = tokio::spawn(async move {
        inspector
            .tasks(&pool_name("mail"), Some(StateKind::Dead), None, 5)
            .await
    });
    for (after, page) in [
        (None, vec![1, 2]),
        (Some(2), vec![3, 4]),
        (Some(4), vec![5]),
    ] {
        let (id, asked) = session.request().await;
        let Request::Tasks {
            after: from,
            tasks_max,
            ..
        } = asked
        else {
            panic!("tasks");
        };
        assert_eq!(from, after.map(TaskId::from_u128));
        assert_eq!(tasks_max as usize, page.len());
        let page = page
            .into_iter()
            .map(|id| summary(id, StateKind::Dead))
            .collect();
        session.respond(id, Response::Tasks(page)).await;
    }
    assert_eq!(looks.await.unwrap().unwrap().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn reviving_all_goes_on_until_none_is_left_or_they_die_again() {
    for last in [vec![], vec![(TaskId::from_u128(1), Ok(()))]] {
        let (endpoint, mut hub) = hub();
        let inspector = Inspector::new(endpoint, options());
        let mut session = hub.accept().await;
        let revival = tokio::spawn(async move { inspector.revive(&pool_name("mail"), None).await });
        let pages = [ids([1, 2]), ids([3])];
        for page in pages {
            let (id, _) = session.request().await;
            let items = page.into_iter().map(|task| (task, Ok(()))).collect();
            session.respond(id, Response::Revived(items)).await;
        }
        let (id, _) = session.request().await;
        session.respond(id, Response::Revived(last)).await;
        let revived = revival.await.unwrap().unwrap();
        assert_eq!(
            revived.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
            ids([1, 2, 3])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_whose_answer_was_lost_is_sent_again() {
    let (endpoint, mut hub) = hub();
    let inspector = Inspector::new(endpoint, options());
    let mut first = hub.accept().await;
    let cancel = tokio::spawn(async move { inspector.cancel(ids([1, 2])).await });
    first.request().await;
    drop(first);
    let mut second = hub.accept().await;
    let (id, asked) = second.request().await;
    assert_eq!(asked, Request::Cancel { tasks: ids([1, 2]) });
    let completed = Err(Rejection::Ended(StateKind::Completed));
    second
        .respond(id, Response::Done(vec![Ok(()), completed.clone()]))
        .await;
    assert_eq!(cancel.await.unwrap(), Ok(vec![Ok(()), completed]));
}

fn status() -> Status {
    Status {
        pools: Vec::new(),
        sessions: Vec::new(),
        sessions_open: 1,
        store: StoreStatus {
            engine: "fake".into(),
            disk_bytes: 0,
            live_bytes: 0,
            free_bytes: None,
            commits: 0,
            changes: 0,
        },
        hub: HubStatus {
            version: "0".into(),
            up_for_ms: 0,
            draining: false,
        },
    }
}
