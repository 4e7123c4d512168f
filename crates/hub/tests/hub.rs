//! The hub from outside, byte by byte: nodes made by hand over sockets and in-process connections.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a hub may answer is wrong in the same way"
)]

#[path = "hub/auth.rs"]
mod auth;
#[path = "hub/backups.rs"]
mod backups;
#[path = "../../../tests/e2e/support/certificates.rs"]
mod certificates;
#[path = "hub/crowds.rs"]
mod crowds;
#[path = "hub/drain.rs"]
mod drain;
#[path = "hub/endings.rs"]
mod endings;
#[path = "hub/facts.rs"]
mod facts;
#[path = "hub/handshake.rs"]
mod handshake;
#[path = "hub/links.rs"]
mod links;
#[path = "hub/own_thread.rs"]
mod own_thread;
#[path = "hub/partitions.rs"]
mod partitions;
#[path = "hub/partitions_order.rs"]
mod partitions_order;
#[path = "hub/payloads.rs"]
mod payloads;
#[path = "hub/pools.rs"]
mod pools;
#[path = "hub/rates.rs"]
mod rates;
#[path = "hub/raw.rs"]
mod raw;
#[path = "hub/restart.rs"]
mod restart;
#[path = "hub/scopes.rs"]
mod scopes;
#[path = "hub/searches.rs"]
mod searches;
#[path = "hub/sessions.rs"]
mod sessions;
#[path = "hub/start.rs"]
mod start;
#[path = "hub/status.rs"]
mod status;
#[path = "hub/store_faults.rs"]
mod store_faults;
#[path = "hub/supervision.rs"]
mod supervision;
#[path = "hub/ten_thousand.rs"]
mod ten_thousand;
#[path = "hub/tls.rs"]
mod tls;
#[path = "hub/unread.rs"]
mod unread;
#[path = "hub/verbs.rs"]
mod verbs;
#[path = "hub/versions.rs"]
mod versions;
