//! Backups as a node asks for them: parts in their order, one at a time, and over with the session.

use leasehold_core::{Rejection, Timestamp};
use leasehold_hub::{Hub, backup::Unfinished};
use leasehold_store::{FaultyStore, LogEngine, LogOptions, LogStore, Moment};
use leasehold_wire::{BackupPart, BackupVerb, Request, Response};
use tempfile::TempDir;

use super::{
    raw::{Node, Stage, config, hello, within},
    verbs::{enqueue, item, new_id},
};

/// Bytes of a payload; forty of them are more than a part.
const LONG: usize = 64 * 1024;

struct House {
    hub: Hub,
    faults: leasehold_store::Faults,
    folder: TempDir,
}

impl House {
    async fn start() -> Self {
        let folder = TempDir::new().expect("there is room");
        let options = LogOptions {
            engine: LogEngine::Fjall,
            ..LogOptions::default()
        };
        let store = LogStore::open(&folder.path().join("data"), options).expect("it opens");
        let (store, faults) = FaultyStore::new(store);
        let hub = Hub::start(config(), Box::new(store)).await;
        let hub = hub.expect("a hub starts");
        Self {
            hub,
            faults,
            folder,
        }
    }

    async fn node(&self, name: &str) -> Node {
        let line = self.hub.connect().await.expect("the hub is there");
        Node::greet(Box::new(line), hello(name)).await
    }

    async fn fill(&self, tasks: usize) {
        let mut node = self.node("filler").await;
        for _ in 0..tasks {
            let task = item(new_id(), vec![7; LONG]);
            node.request(enqueue("mail", vec![task])).await;
        }
    }
}

async fn ask(node: &mut Node, verb: BackupVerb) -> Result<BackupPart, String> {
    match node.request(Request::Backup { verb }).await {
        Response::Backup(part) => Ok(part),
        Response::Refused(Rejection::Invalid(why)) => Err(why),
        other => panic!("{other:?}"),
    }
}

async fn next(node: &mut Node, newest: &BackupPart) -> Result<BackupPart, String> {
    let (backup, part) = (newest.backup, newest.part + 1);
    ask(node, BackupVerb::Next { backup, part }).await
}

/// All parts from this one on, as a backup that is read back.
async fn take(house: &House, node: &mut Node, first: BackupPart) -> u64 {
    let folder = house.folder.path().join(format!("backup-{}", first.backup));
    let mut unfinished = Unfinished::begin(&folder).expect("it begins");
    let mut part = first;
    unfinished.write(&part.bytes).expect("it is written");
    while !part.is_last {
        part = next(node, &part).await.expect("there is more");
        unfinished.write(&part.bytes).expect("it is written");
        assert!(part.bytes_in_all >= unfinished.bytes());
    }
    let taken = unfinished.finish(Timestamp::default(), &mut |_, _| {});
    taken.expect("it is whole").tasks
}

#[tokio::test]
async fn parts_come_in_their_order_and_the_newest_again() {
    let house = House::start().await;
    house.fill(40).await;
    let mut node = house.node("saver").await;
    let first = ask(&mut node, BackupVerb::Begin).await.expect("it begins");
    assert_eq!((first.part, first.is_last), (0, false));
    let number = first.backup;
    let part = |part| BackupVerb::Next {
        backup: number,
        part,
    };
    assert_eq!(ask(&mut node, part(0)).await.as_ref(), Ok(&first));
    for wrong in [2, 7] {
        let refused = ask(&mut node, part(wrong))
            .await
            .expect_err("it is not its turn");
        assert!(refused.contains("not its next"), "{refused}");
    }
    let second = ask(&mut node, part(1)).await.expect("it is its turn");
    assert_eq!(ask(&mut node, part(1)).await.as_ref(), Ok(&second));
    ask(&mut node, part(0))
        .await
        .expect_err("it is no longer there");
    let stranger = BackupVerb::Next {
        backup: number + 1,
        part: 0,
    };
    let refused = ask(&mut node, stranger).await.expect_err("it is none");
    assert!(refused.contains("no such backup"), "{refused}");
    let ended = ask(&mut node, BackupVerb::End { backup: number }).await;
    let ended = ended.expect("it ends");
    assert!(ended.is_last && ended.bytes.is_empty());
    ask(&mut node, part(2)).await.expect_err("it is over");
    let first = ask(&mut node, BackupVerb::Begin)
        .await
        .expect("there is room");
    assert_eq!(take(&house, &mut node, first).await, 40);
}

#[tokio::test]
async fn one_is_taken_at_a_time_and_ends_with_its_session() {
    let house = House::start().await;
    house.fill(40).await;
    let mut one = house.node("one").await;
    let mut other = house.node("other").await;
    let first = ask(&mut one, BackupVerb::Begin).await.expect("it begins");
    let refused = ask(&mut other, BackupVerb::Begin)
        .await
        .expect_err("one at a time");
    assert!(refused.contains("under way already"), "{refused}");
    let foreign = BackupVerb::End {
        backup: first.backup,
    };
    ask(&mut other, foreign)
        .await
        .expect_err("it is not the other's to end");
    // Beginning again in one session is a new one.
    let again = ask(&mut one, BackupVerb::Begin)
        .await
        .expect("it begins anew");
    assert!(again.backup > first.backup);
    next(&mut one, &first).await.expect_err("the first is over");
    drop(one);
    let begun = within(async {
        loop {
            if let Ok(begun) = ask(&mut other, BackupVerb::Begin).await {
                return begun;
            }
        }
    });
    let begun = begun.await;
    assert_eq!(take(&house, &mut other, begun).await, 40);
}

/// What is acknowledged while parts are read is in it.
#[tokio::test]
async fn the_hub_goes_on_meanwhile() {
    let house = House::start().await;
    house.fill(40).await;
    let mut node = house.node("saver").await;
    let first = ask(&mut node, BackupVerb::Begin).await.expect("it begins");
    house.fill(5).await;
    assert_eq!(take(&house, &mut node, first).await, 45);
}

/// The store starts again: whoever reads hears so, and begins anew.
#[tokio::test]
async fn a_commit_that_fails_ends_it() {
    let house = House::start().await;
    house.fill(40).await;
    let mut node = house.node("saver").await;
    let first = ask(&mut node, BackupVerb::Begin).await.expect("it begins");
    let mut filler = house.node("filler").await;
    house.faults.fail_commit(Moment::Before);
    filler.ask(enqueue("mail", vec![item(new_id(), "x")])).await;
    filler.dismissed().await;
    let over = next(&mut node, &first).await.expect_err("it is over");
    assert!(over.contains("the backup failed"), "{over}");
    let anew = within(async {
        loop {
            if let Ok(begun) = ask(&mut node, BackupVerb::Begin).await {
                return begun;
            }
        }
    });
    let anew = anew.await;
    assert_eq!(take(&house, &mut node, anew).await, 40);
}

#[tokio::test]
async fn a_store_in_memory_has_none() {
    let stage = Stage::start(config()).await;
    let mut node = stage.inside("saver").await;
    for _ in 0..2 {
        let refused = ask(&mut node, BackupVerb::Begin)
            .await
            .expect_err("there is none");
        assert!(refused.contains("store in memory"), "{refused}");
    }
}
