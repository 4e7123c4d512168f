//! Nodes against a scripted hub, in paused time.

mod batch;
mod fake_hub;
mod flapping;
mod inspector;
mod leases;
mod link;
mod producer;
mod resume;
mod token;
mod worker;
