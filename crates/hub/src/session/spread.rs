//! What is asked of a pool in partitions by its name: where it goes, and one answer of several.

use std::collections::BTreeMap;

use leasehold_core::{
    Command, PoolId, PoolName, Rejection, Revive, ReviveWith, TaskId, Which, limits::BATCH_MAX,
};
use leasehold_wire::{EnqueuedItem, Response, TaskSummary};

use crate::{
    parts::Parts,
    pool_actor::{Ask, Part, Query},
};

/// Where an ask goes.
#[derive(Debug)]
pub(super) enum Plan {
    /// To the partition that it came to, which it was meant for.
    Here(Ask),
    /// To the front, which asks all partitions.
    Front(Ask),
    /// To this partition alone.
    One(usize, Ask),
    /// To several, each with the places of its items.
    Several(Vec<(usize, Vec<usize>, Ask)>, Spread),
}

pub(super) fn plan(parts: &Parts, ask: Ask) -> Plan {
    match ask {
        Ask::Command(Command::Claim(_) | Command::Credit(_)) => Plan::Front(ask),
        Ask::Command(Command::Await(wait)) => Plan::One(parts.of(wait.task), ask),
        // A partition refuses what is too long, and all of it.
        Ask::Command(Command::Enqueue(tasks)) if tasks.len() <= BATCH_MAX => {
            let nothing = Spread::enqueued(tasks.len());
            split(parts, tasks, |task| task.id, Command::Enqueue, nothing)
        }
        Ask::Command(Command::Revive(Revive::Tasks(ids))) if ids.len() <= BATCH_MAX => {
            let nothing = Spread::new(Items::Revived(ids.iter().map(|id| (*id, gone())).collect()));
            let command = |ids| Command::Revive(Revive::Tasks(ids));
            split(parts, ids, |id| *id, command, nothing)
        }
        Ask::Command(Command::Revive(Revive::All)) => {
            to_all(parts, &ask, Items::Revived(Vec::new()))
        }
        Ask::Command(Command::ReviveWith(revive)) => plan_revival(parts, *revive),
        Ask::Command(Command::Purge(which, tasks_max)) => {
            // Fewer than there are partitions come out as many as there are.
            let parts_max = u32::try_from(parts.names.len()).unwrap_or(u32::MAX).max(1);
            let share = (tasks_max / parts_max).max(tasks_max.min(1));
            let ask = Ask::Command(Command::Purge(which, share));
            to_all(parts, &ask, Items::Purged(0))
        }
        Ask::Query(Query::Tasks { tasks_max, .. }) => {
            to_all(parts, &ask, Items::Tasks(Vec::new(), tasks_max))
        }
        // A partition can have neither schedules nor a policy of its own, and says so.
        Ask::Schedule(_) | Ask::Pool(_) => Plan::One(0, ask),
        Ask::Command(
            Command::Open(_)
            | Command::End(_)
            | Command::Enqueue(_)
            | Command::Extend(..)
            | Command::Complete(_)
            | Command::Fail(_)
            | Command::Release(_)
            | Command::Resume(_)
            | Command::Cancel(_)
            | Command::Revive(_)
            | Command::CancelWithin(..)
            | Command::Progress(_)
            | Command::Schedule(_)
            | Command::Plan(_)
            | Command::Govern(_),
        )
        | Ask::Query(Query::Status(_) | Query::Task(_) | Query::Fence)
        | Ask::Hand(_) => Plan::Here(ask),
    }
}

fn plan_revival(parts: &Parts, revive: ReviveWith) -> Plan {
    let ReviveWith { which, edits } = revive;
    let command = |which| {
        let edits = edits.clone();
        Command::ReviveWith(Box::new(ReviveWith { which, edits }))
    };
    match which {
        Which::Tasks(ids) if ids.len() <= BATCH_MAX => {
            let nothing = Spread::new(Items::Revived(ids.iter().map(|id| (*id, gone())).collect()));
            let command = |ids| command(Which::Tasks(ids));
            split(parts, ids, |id| *id, command, nothing)
        }
        // A partition refuses what is too long, and all of it.
        Which::Tasks(_) => Plan::Here(Ask::Command(command(which))),
        Which::All | Which::Where(_) => {
            let ask = Ask::Command(command(which));
            to_all(parts, &ask, Items::Revived(Vec::new()))
        }
    }
}

fn to_all(parts: &Parts, ask: &Ask, items: Items) -> Plan {
    let each = |part| (part, Vec::new(), ask.clone());
    Plan::Several(
        (0..parts.names.len()).map(each).collect(),
        Spread::new(items),
    )
}

/// Each item to the partition of its task.
fn split<T>(
    parts: &Parts,
    items: Vec<T>,
    id: impl Fn(&T) -> TaskId,
    command: impl Fn(Vec<T>) -> Command,
    spread: Spread,
) -> Plan {
    let mut shares: BTreeMap<usize, (Vec<usize>, Vec<T>)> = BTreeMap::new();
    for (place, item) in items.into_iter().enumerate() {
        let (places, share) = shares.entry(parts.of(id(&item))).or_default();
        places.push(place);
        share.push(item);
    }
    let ask = |(part, (places, share))| (part, places, Ask::Command(command(share)));
    let mut shares: Vec<(usize, Vec<usize>, Ask)> = shares.into_iter().map(ask).collect();
    match shares.pop() {
        Some((part, _, ask)) if shares.is_empty() => Plan::One(part, ask),
        Some(last) => {
            shares.push(last);
            Plan::Several(shares, spread)
        }
        None => Plan::One(0, Ask::Command(command(Vec::new()))),
    }
}

/// One answer in the making.
#[derive(Debug)]
pub(super) struct Spread {
    places: BTreeMap<PoolId, Vec<usize>>,
    items: Items,
    /// What was asked of all, one has refused.
    refused: Option<Rejection>,
}

#[derive(Debug)]
enum Items {
    Enqueued(Vec<Result<EnqueuedItem, Rejection>>),
    /// Items with a place, and behind them what has none.
    Revived(Vec<(TaskId, Result<(), Rejection>)>),
    /// At most so many, by id.
    Tasks(Vec<TaskSummary>, usize),
    /// So many.
    Purged(u64),
}

const fn gone<T>() -> Result<T, Rejection> {
    Err(Rejection::SessionEnded)
}

impl Spread {
    const fn new(items: Items) -> Self {
        Self {
            places: BTreeMap::new(),
            items,
            refused: None,
        }
    }

    fn enqueued(count: usize) -> Self {
        Self::new(Items::Enqueued((0..count).map(|_| gone()).collect()))
    }

    /// These items are this partition's to answer.
    pub(super) fn expect(&mut self, part: PoolId, places: Vec<usize>) {
        self.places.insert(part, places);
    }

    /// These items cannot be answered.
    pub(super) fn refuse(&mut self, places: &[usize], rejection: &Rejection) {
        for place in places {
            match &mut self.items {
                Items::Enqueued(items) => items[*place] = Err(rejection.clone()),
                Items::Revived(items) => items[*place].1 = Err(rejection.clone()),
                Items::Tasks(..) | Items::Purged(_) => {}
            }
        }
    }

    pub(super) fn add(&mut self, part: PoolId, answer: Part) {
        let places = self.places.remove(&part).unwrap_or_default();
        match (&mut self.items, answer) {
            (Items::Enqueued(all), Part::Whole(Response::Enqueued(items))) => {
                for (place, item) in places.into_iter().zip(items) {
                    all[place] = item;
                }
            }
            (Items::Revived(all), Part::Whole(Response::Revived(items))) if places.is_empty() => {
                all.extend(items);
            }
            (Items::Revived(all), Part::Whole(Response::Revived(items))) => {
                for (place, item) in places.into_iter().zip(items) {
                    all[place] = item;
                }
            }
            (Items::Tasks(all, _), Part::Whole(Response::Tasks(tasks))) => all.extend(tasks),
            (Items::Purged(all), Part::Whole(Response::Purged(tasks))) => *all += tasks,
            (_, Part::Whole(Response::Refused(rejection))) if places.is_empty() => {
                self.refused = Some(rejection);
            }
            (_, Part::Whole(Response::Refused(rejection))) => self.refuse(&places, &rejection),
            (_, Part::Whole(_) | Part::Status(..) | Part::Fence) => {}
        }
    }

    pub(super) fn finish(self) -> Response {
        if let Some(rejection) = self.refused {
            return Response::Refused(rejection);
        }
        match self.items {
            Items::Enqueued(items) => Response::Enqueued(items),
            Items::Revived(items) => Response::Revived(items),
            Items::Tasks(mut tasks, tasks_max) => {
                tasks.sort_unstable_by_key(|task| task.id);
                tasks.truncate(tasks_max);
                Response::Tasks(tasks)
            }
            Items::Purged(tasks) => Response::Purged(tasks),
        }
    }
}

/// The name of what is not there, as its owner calls it.
pub(super) fn not_there(name: &PoolName) -> Rejection {
    Rejection::NoSuchPool(crate::parts::whole_of(name).to_string())
}
