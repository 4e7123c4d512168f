//! Lists of requests that were taken apart: the next ones are read into them.

use crate::{CompleteItem, EnqueueItem, Request};

/// Only short lists are kept, as there are of those as many as of requests: a session that once
/// sent thousands of items would keep room for them.
const ITEMS_KEPT: usize = 8;

/// What is left of requests that were taken apart.
#[derive(Debug, Default)]
pub struct Lists {
    pub(crate) enqueue: Vec<EnqueueItem>,
    pub(crate) complete: Vec<CompleteItem>,
}

impl Lists {
    pub(crate) fn keep(&mut self, request: Request) {
        if let Request::Enqueue { tasks, .. } = request {
            keep(&mut self.enqueue, tasks);
        } else if let Request::Complete { items } = request {
            keep(&mut self.complete, items);
        }
    }
}

fn keep<T>(kept: &mut Vec<T>, mut list: Vec<T>) {
    if list.capacity() <= ITEMS_KEPT {
        list.clear();
        *kept = list;
    }
}
