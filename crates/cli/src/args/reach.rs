//! From the flags of [`Reach`] to the hub.

use leasehold_node::{Endpoint, Inspector, NodeOptions, Producer};

use super::Reach;

impl Reach {
    /// Where the hub is.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self.tls.tls() {
            Some(tls) => Endpoint::tls(self.hub.clone(), tls),
            None => Endpoint::tcp(self.hub.clone()),
        }
    }

    /// As patient as was asked for.
    pub(crate) fn options(&self) -> NodeOptions {
        NodeOptions::default()
            .give_up_after(self.timeout)
            .token(self.token.shown())
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
