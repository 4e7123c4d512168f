//! The life of a task: a table of every state and every verb, and each rule as a named behaviour.

mod harness;

mod lifecycle {
    mod batches_and_bounds;
    mod budgets;
    mod calendar;
    mod counting;
    mod expiry;
    mod forgetting;
    mod governing;
    mod holding;
    mod keys;
    mod known;
    mod limits;
    mod links;
    mod looking;
    mod many;
    mod order;
    mod priorities;
    mod restoring;
    mod retries;
    mod reusing;
    mod runtime;
    mod schedules;
    mod searching;
    mod sessions;
    mod table;
    mod waiting;
    mod wishes;
}
