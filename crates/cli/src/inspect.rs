//! Looking at a hub, and the hand of its owner.

pub(crate) mod cancel;
pub(crate) mod revive;
pub(crate) mod status;
pub(crate) mod task;
pub(crate) mod tasks;

use leasehold_node::{Rejection, TaskId};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    exit::{Failure, complain},
    output::{self, json},
};

/// What became of something that was asked of each of these tasks. `verb` is in both forms, such
/// as `("cancel", "cancelled")`.
fn tell_each(
    (verb, done): (&str, &'static str),
    items: &[(TaskId, Result<(), Rejection>)],
    as_json: bool,
) -> Result<(), Failure> {
    let ok = items.iter().filter(|(_, item)| item.is_ok());
    let ids: Vec<String> = ok.map(|(id, _)| id.to_string()).collect();
    let refused: Vec<(TaskId, &Rejection)> = items
        .iter()
        .filter_map(|(id, item)| Some((*id, item.as_ref().err()?)))
        .collect();
    for (id, why) in &refused {
        complain(format!("failed to {verb} {id}: {why}"));
    }
    let is_whole = refused.is_empty();
    if as_json {
        let refused = refused
            .into_iter()
            .map(|(id, why)| json::Refused::new(id, why));
        output::document(&Each::new(done, ids, refused.collect()))?;
    } else {
        output::lines(ids)?;
    }
    is_whole.then_some(()).ok_or(Failure::Told)
}

/// `{"cancelled": [..], "refused": [..]}`
#[derive(Serialize)]
struct Each {
    #[serde(flatten)]
    done: Map<String, Value>,
    refused: Vec<json::Refused>,
}

impl Each {
    fn new(done: &str, ids: Vec<String>, refused: Vec<json::Refused>) -> Self {
        let ids = ids.into_iter().map(Value::String).collect();
        Self {
            done: Map::from_iter([(done.into(), Value::Array(ids))]),
            refused,
        }
    }
}
