//! PostgreSQL: a table, `FOR UPDATE SKIP LOCKED`, and batches.
//!
//! A producer sends all that is in flight as one INSERT, so that one commit, and one sync shared
//! with other sessions, carries it. A worker completes what it holds with one DELETE and claims as
//! much again with one UPDATE, both sent at once. In one statement they deadlock: a claim that
//! meets a row which another has just claimed keeps it locked to the end of its transaction.
//!
//! Only the completion waits for the disk. A claim that a power cut takes back is a task that is
//! ready again: nobody who knows PostgreSQL well would have it synced.
//!
//! A worker that finds nothing looks again each millisecond. NOTIFY would spare that, but takes a
//! lock on the whole database at each commit, which puts an end to commits that share a sync.

use std::time::Duration;

use tokio_postgres::{Client, NoTls, Statement};

use super::peer::{Keeps, Protocol};
use crate::{BenchError, Doing, Next, ProducerLane, Stamp, WorkerLane};

/// How often a worker looks that found nothing.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Only what is ready is in the second index, so that a claim costs the same at any backlog.
const TABLE: &str = "
    DROP TABLE IF EXISTS tasks;
    CREATE TABLE tasks (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        claimed_at timestamptz,
        payload bytea NOT NULL
    );
    CREATE INDEX ready ON tasks (id) WHERE claimed_at IS NULL;
";

/// The table has no statistics when a phase begins, and a scan of the whole would be the planner's
/// guess.
const SESSION: &str = "SET enable_seqscan = off";

const ENQUEUE: &str = "INSERT INTO tasks (payload) SELECT unnest($1::bytea[])";

const COMPLETE: &str = "DELETE FROM tasks WHERE id = ANY($1::bigint[])";

/// The setting is local to the transaction, which is this statement.
const CLAIM: &str = "
    WITH unsynced AS MATERIALIZED (
        SELECT set_config('synchronous_commit', 'off', true)
    ), next AS MATERIALIZED (
        SELECT id FROM tasks WHERE claimed_at IS NULL
        ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    UPDATE tasks SET claimed_at = now() FROM next, unsynced WHERE tasks.id = next.id
    RETURNING tasks.id, tasks.payload
";

#[derive(Debug)]
pub(super) struct Postgresql;

impl Protocol for Postgresql {
    fn says(&self, keeps: Keeps) -> Option<&'static str> {
        match keeps {
            Keeps::Synced => Some(
                "committed, and its write-ahead log synced with those of other sessions; a claim \
                 does not wait for that",
            ),
            Keeps::Later | Keeps::Nothing => None,
        }
    }

    fn purge<'a>(&'a self, address: &'a str) -> Doing<'a> {
        Box::pin(purge(address))
    }

    fn produce(&self, address: String, lane: ProducerLane) -> Doing<'static, ProducerLane> {
        Box::pin(produce(address, lane))
    }

    fn work(&self, address: String, lane: WorkerLane) -> Doing<'static, WorkerLane> {
        Box::pin(work(address, lane))
    }
}

fn failed(error: tokio_postgres::Error) -> BenchError {
    let said = match error.as_db_error() {
        Some(said) => said.to_string(),
        None => error.to_string(),
    };
    BenchError::unexpected("postgresql", said)
}

async fn connect(address: &str) -> Result<Client, BenchError> {
    let place = format!("postgres://bench@{address}/postgres");
    let (client, connection) = tokio_postgres::connect(&place, NoTls)
        .await
        .map_err(failed)?;
    // Ends with the last use of what it serves.
    tokio::spawn(connection);
    client.batch_execute(SESSION).await.map_err(failed)?;
    Ok(client)
}

async fn prepare(client: &Client, statement: &str) -> Result<Statement, BenchError> {
    client.prepare(statement).await.map_err(failed)
}

async fn purge(address: &str) -> Result<(), BenchError> {
    let client = connect(address).await?;
    for setting in ["fsync", "synchronous_commit"] {
        let row = client.query_one(&format!("SHOW {setting}"), &[]).await;
        let is: String = row.map_err(failed)?.get(0);
        if is != "on" {
            let said = format!("{setting} is {is}: it was not started as was said");
            return Err(BenchError::unexpected("postgresql", said));
        }
    }
    client.batch_execute(TABLE).await.map_err(failed)
}

async fn produce(address: String, mut lane: ProducerLane) -> Result<ProducerLane, BenchError> {
    let client = connect(&address).await?;
    let enqueue = prepare(&client, ENQUEUE).await?;
    lane.begin().await;
    loop {
        lane.tick();
        let (tasks, payloads, next) = gather(&mut lane);
        if tasks.is_empty() {
            if matches!(next, Next::Over) {
                return Ok(lane);
            }
            lane.due(&next).await;
            continue;
        }
        let sent = client.execute(&enqueue, &[&payloads]).await;
        sent.map_err(failed)?;
        lane.tick();
        for task in tasks {
            lane.acknowledged(task);
        }
    }
}

/// All that is due.
fn gather(lane: &mut ProducerLane) -> (Vec<Stamp>, Vec<Vec<u8>>, Next) {
    let (mut tasks, mut payloads) = (Vec::new(), Vec::new());
    loop {
        let next = lane.next();
        let Next::Task(task) = next else {
            return (tasks, payloads, next);
        };
        tasks.push(task);
        payloads.push(lane.payload(task).to_vec());
    }
}

/// A worker's session, and what it holds.
struct Session {
    client: Client,
    complete: Statement,
    claim: Statement,
    /// The ids of what it holds, and their stamps in the same order.
    ids: Vec<i64>,
    tasks: Vec<Stamp>,
}

impl Session {
    async fn open(address: &str) -> Result<Self, BenchError> {
        let client = connect(address).await?;
        Ok(Self {
            complete: prepare(&client, COMPLETE).await?,
            claim: prepare(&client, CLAIM).await?,
            client,
            ids: Vec::new(),
            tasks: Vec::new(),
        })
    }

    /// Completes what is held and claims up to `slots` more. Says whether anything was to do.
    async fn turn(&mut self, slots: i64, lane: &mut WorkerLane) -> Result<bool, BenchError> {
        let ids = std::mem::take(&mut self.ids);
        let complete = async {
            if !ids.is_empty() {
                self.client.execute(&self.complete, &[&ids]).await?;
                lane.tick();
                for task in self.tasks.drain(..) {
                    lane.completed(task);
                }
                lane.tell();
            }
            Ok(())
        };
        // Sent without waiting for each other, and done in this order.
        let claim = async { self.client.query(&self.claim, &[&slots]).await };
        let ((), rows) = tokio::try_join!(complete, claim).map_err(failed)?;
        lane.tick();
        for row in &rows {
            self.ids.push(row.get(0));
            self.tasks.push(lane.delivered(row.get(1)));
        }
        Ok(!(ids.is_empty() && rows.is_empty()))
    }
}

async fn work(address: String, mut lane: WorkerLane) -> Result<WorkerLane, BenchError> {
    let mut session = Session::open(&address).await?;
    let slots = i64::try_from(lane.slots()).unwrap_or(i64::MAX);
    lane.begin().await;
    while !lane.is_over() {
        if !session.turn(slots, &mut lane).await? {
            let _is_over = tokio::time::timeout(LOOK_EVERY, lane.over()).await;
        }
    }
    Ok(lane)
}
