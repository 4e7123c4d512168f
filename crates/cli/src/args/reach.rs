//! From the flags of [`Reach`] to the hub.

use leasehold_node::{Endpoint, Inspector, NodeOptions, Producer};

use super::Reach;

impl Reach {
    /// Where the hub is.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::tcp(self.hub.clone())
    }

    /// As patient as was asked for.
    pub(crate) fn options(&self) -> NodeOptions {
        NodeOptions::default().give_up_after(self.timeout)
    }

    /// For looking, and the owner's hand.
    pub(crate) fn inspector(&self) -> Inspector {
        Inspector::new(self.endpoint(), self.options())
    }

    /// For putting tasks in.
    pub(crate) fn producer(&self) -> Producer {
        Producer::new(self.endpoint(), self.options())
    }
}
