//! Batches are split so that each request fits, and answers come back in order.

use leasehold_node::{NewTask, Producer, Rejection, RequestError};
use leasehold_wire::{Request, Response};

use crate::fake_hub::{Session, enqueued, hub, options, pool_name};

/// Answers the next enqueue and says how many tasks were in it.
async fn serve(session: &mut Session) -> usize {
    session.serve_enqueue().await.len()
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_split_by_count() {
    let (endpoint, mut hub) = hub();
    hub.welcome.batch_max = 4;
    let producer = Producer::new(endpoint, options());
    let tasks: Vec<_> = (0..10).map(|_| NewTask::new("lift")).collect();
    let ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
    let asked =
        tokio::spawn(async move { producer.enqueue_batch(&pool_name("mail"), tasks).await });
    let mut session = hub.accept().await;
    // All are under way at once.
    let mut requests = Vec::new();
    for _ in 0..3 {
        requests.push(session.enqueue().await);
    }
    let counts: Vec<_> = requests.iter().map(|(_, tasks)| tasks.len()).collect();
    assert_eq!(counts, [4, 4, 2]);
    for (id, tasks) in requests.into_iter().rev() {
        session.respond(id, enqueued(&tasks)).await;
    }
    let answers = asked.await.unwrap().unwrap();
    let answered: Vec<_> = answers.into_iter().map(|item| item.unwrap().id).collect();
    assert_eq!(answered, ids);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_split_by_bytes() {
    let (endpoint, mut hub) = hub();
    hub.welcome.frame_bytes_max = 10_000;
    let producer = Producer::new(endpoint, options());
    let tasks = (0..5).map(|_| NewTask::new(vec![7; 4000])).collect();
    let asked =
        tokio::spawn(async move { producer.enqueue_batch(&pool_name("mail"), tasks).await });
    let mut session = hub.accept().await;
    let counts = [
        serve(&mut session).await,
        serve(&mut session).await,
        serve(&mut session).await,
    ];
    assert_eq!(counts, [2, 2, 1]);
    assert_eq!(asked.await.unwrap().unwrap().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_request_rejected_as_a_whole_is_rejected_for_each_of_its_tasks() {
    let (endpoint, mut hub) = hub();
    let producer = Producer::new(endpoint, options());
    let tasks = vec![NewTask::new("lift"), NewTask::new("lift")];
    let asked =
        tokio::spawn(async move { producer.enqueue_batch(&pool_name("mail"), tasks).await });
    let mut session = hub.accept().await;
    let (id, Request::Enqueue { .. }) = session.request().await else {
        panic!("an enqueue");
    };
    let rejection = Rejection::NoSuchPool("mail".into());
    session
        .respond(id, Response::Refused(rejection.clone()))
        .await;
    let each = vec![Err(rejection.clone()), Err(rejection)];
    assert_eq!(asked.await.unwrap(), Ok(each));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fits_no_frame_fails_alone() {
    let (endpoint, mut hub) = hub();
    hub.welcome.frame_bytes_max = 10_000;
    let producer = Producer::new(endpoint, options());
    let session = hub.accept().await;
    let too_long = NewTask::new(vec![7; 20_000]);
    let answer = producer.enqueue(&pool_name("mail"), too_long).await;
    assert!(
        matches!(answer, Err(RequestError::TooLong(_))),
        "{answer:?}"
    );
    drop(session);
}

#[tokio::test(start_paused = true)]
async fn an_empty_batch_asks_nothing() {
    let (endpoint, mut hub) = hub();
    let producer = Producer::new(endpoint, options());
    let mut session = hub.accept().await;
    let answers = producer.enqueue_batch(&pool_name("mail"), Vec::new()).await;
    assert_eq!(answers, Ok(Vec::new()));
    drop(producer);
    session.expect_bye().await;
}
