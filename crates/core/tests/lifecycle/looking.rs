//! Looking without touching: what is next, and what there is.

use leasehold_core::*;

use crate::harness::*;

fn numbered(count: u128) -> (World, SessionId) {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    for number in 0..count {
        let priority = u32::try_from(number * 7 % 5).expect("a small number");
        // In no order of ids.
        let number = number * 37 % count;
        let new = NewTask {
            priority,
            ..task(number)
        };
        world.send(crane, Command::Enqueue(vec![new]));
        world.pass(ms(1));
    }
    (world, crane)
}

fn ids(tasks: &[Task]) -> Vec<TaskId> {
    tasks.iter().map(|task| task.id).collect()
}

#[test]
fn what_is_upcoming_is_what_is_claimed() {
    let (mut world, crane) = numbered(200);
    // Some of it out of the middle, and some of it back in its place.
    world.cancel(crane, 20);
    let back: Vec<LeaseRef> = (0..3).map(|_| world.must_take(crane)).collect();
    for proof in back {
        world.release(crane, proof);
    }
    let (before, upcoming) = (world.pool.clone(), world.pool.upcoming(50));
    assert_eq!(format!("{:?}", world.pool), format!("{before:?}"));
    assert_eq!(upcoming.len(), 50);
    for (next, (expected, _)) in upcoming.iter().enumerate() {
        let proof = world.must_take(crane);
        assert_eq!(proof.task, *expected, "the {next}th");
    }
    assert_eq!(world.pool.upcoming(1000).len(), 149);
    assert_eq!(World::new(PoolSettings::default()).pool.upcoming(9), []);
}

#[test]
fn tasks_are_listed_by_id_page_by_page() {
    let (mut world, crane) = numbered(100);
    (0..10).for_each(|_| _ = world.must_take(crane));
    let all = world.pool.tasks(None, None, usize::MAX);
    assert!(all.is_sorted_by_key(|task| task.id) && all.len() == 100);
    let mut pages = vec![];
    loop {
        let after = pages.last().map(|task: &Task| task.id);
        let mut page = world.pool.tasks(None, after, 7);
        if page.is_empty() {
            break;
        }
        pages.append(&mut page);
    }
    assert_eq!(pages, all);
    let claimed = world.pool.tasks(Some(StateKind::Claimed), None, 100);
    assert!(claimed.len() == 10 && claimed.iter().all(|task| task.lease.is_some()));
    assert_eq!(world.pool.tasks(None, None, 0), []);
}

#[test]
fn a_page_is_made_in_steps_while_tasks_come_and_go() {
    let (mut world, crane) = numbered(100);
    let mut listing = Listing::new(None, Some(id(9)), 20);
    let mut steps = 0;
    let page = loop {
        if let Some(page) = world.pool.list(&mut listing, 8) {
            break page;
        }
        steps += 1;
        // Beyond the page, and so of no account to it.
        world.enqueue(crane, &[1000 + steps]);
        world.cancel(crane, 90 - steps);
    };
    assert!(steps >= 12);
    let listed: Vec<TaskId> = page.iter().map(|(task, _)| task.id).collect();
    assert_eq!(listed, (10..30).map(id).collect::<Vec<_>>());
    assert!(
        page.iter()
            .all(|(task, moment)| *moment == world.pool.moment_of(task.id))
    );
    assert_eq!(ids(&world.pool.tasks(None, Some(id(9)), 20)), listed);
}
