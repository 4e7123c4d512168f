//! Nodes by number, so that a lease names its node in four bytes and two are compared in one step.

use alloc::{collections::BTreeMap, vec::Vec};
use core::ops::Index;

use super::{lists::List, slab::Slab};
use crate::{Node, SessionId};

/// A node's number while anything names it.
pub(super) type NodeNo = u32;

#[derive(Debug, Clone)]
pub(super) struct Nodes {
    known: Slab<Known, 64>,
    numbers: BTreeMap<Node, NodeNo>,
}

#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) node: Node,
    /// Open sessions, leases and remembered attempts.
    pub(super) uses: u32,
    /// Its open sessions, in the order in which they were opened.
    pub(super) sessions: Vec<SessionId>,
    /// Tasks on leases whose session has ended and that may yet be resumed.
    pub(super) adrift: List,
}

impl Nodes {
    pub(super) const fn new() -> Self {
        Self {
            known: Slab::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// The number of this node, which may be known already, with one use more of it.
    pub(super) fn enter(&mut self, node: &Node, likely: Option<NodeNo>) -> NodeNo {
        let is_it = |number: &NodeNo| self.known.get(*number).is_some_and(|of| of.node == *node);
        let number = likely
            .filter(is_it)
            .or_else(|| self.numbers.get(node).copied())
            .unwrap_or_else(|| self.add(node.clone()));
        self.known[number].uses += 1;
        number
    }

    /// One use less; a node without any is known no longer.
    pub(super) fn leave(&mut self, number: NodeNo) {
        let known = &mut self.known[number];
        known.uses -= 1;
        if known.uses == 0 {
            let known = self.known.remove(number);
            self.numbers.remove(&known.node);
        }
    }

    pub(super) fn get_mut(&mut self, number: NodeNo) -> &mut Known {
        &mut self.known[number]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeNo, &Known)> {
        self.known.iter()
    }

    fn add(&mut self, node: Node) -> NodeNo {
        let number = self.known.insert(Known {
            node: node.clone(),
            uses: 0,
            sessions: Vec::new(),
            adrift: List::default(),
        });
        self.numbers.insert(node, number);
        number
    }
}

impl Index<NodeNo> for Nodes {
    type Output = Known;
    fn index(&self, number: NodeNo) -> &Known {
        &self.known[number]
    }
}
