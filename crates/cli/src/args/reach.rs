//! From the flags of [`Reach`] to the hub.

use std::process;

use leasehold_node::{Endpoint, Inspector, NodeOptions, Producer};

use super::Reach;
use crate::exit::complain;

/// The exit code of a command that was asked wrongly.
const USAGE: i32 = 2;

impl Reach {
    /// Where the hub is.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.way.endpoint(&self.hub)
    }

    /// As patient as was asked for. A token that cannot be read is the end of the command, but only of
    /// one that shows a token: the one that makes the first may have its variable set already.
    pub(crate) fn options(&self) -> NodeOptions {
        let token = self.way.token().unwrap_or_else(|why| {
            complain(why);
            process::exit(USAGE)
        });
        NodeOptions::default()
            .give_up_after(self.timeout)
            .token(token)
    }

    /// For looking, and the owner's hand.
    pub(crate) fn inspector(&self) -> Inspector {
        Inspector::new(self.endpoint(), self.options())
    }

    /// For putting tasks in.
    pub(crate) fn producer(&self) -> Producer {
        Producer::new(self.endpoint(), self.options())
    }

    /// As [`Reach::producer`]; if asked to, it waits for room in a pool that is full.
    pub(crate) fn producer_that_waits(&self, when_full: bool) -> Producer {
        let options = self.options().wait_when_full(when_full);
        Producer::new(self.endpoint(), options)
    }
}
