//! Whether a recorded history kept the promises.
//!
//! A history is a folder: files that end in `.jsonl`, in which the processes of a run wrote what
//! they did and saw, one [`Entry`] a line; and the logs of the hub, `hub-1.log`, `hub-2.log` and so
//! on, one for each time that it was started, with a line for each change of a task. [`judge`]
//! reads what both say and names every promise that was broken, with the lines that show it.
//!
//! It depends on no other crate of the workspace: ids are texts here, and the rules are written
//! down anew, from the documents. So what the hub gets wrong is not got wrong here in the same way.
//!
//! What is judged:
//!
//! - every acknowledged enqueue ends, exactly once, and is known at the end ([`Kind::Lost`],
//!   [`Kind::NeverEnded`], [`Kind::EndedTwice`]);
//! - at most one lease of a task is live at any instant ([`Kind::TwoLeases`]), and only the newest
//!   one's answer takes effect ([`Kind::StaleAnswer`], [`Kind::CompletedTwice`]);
//! - an acknowledged completion stays ([`Kind::Vanished`]);
//! - attempts and the three budgets count as documented ([`Kind::Miscounted`]);
//! - where a grant saw two ready tasks, it took the one whose turn it was ([`Kind::OutOfOrder`]);
//! - what a dead node held runs again in the promised time ([`Kind::LateRequeue`]);
//! - a task that kills every node that works on it backs off, is dead of it within its budget, and
//!   others go on meanwhile ([`Kind::Unsuspected`], [`Kind::Undying`], [`Kind::HeldUp`]);
//! - a task that is sent twice is answered as the one that it is ([`Kind::SentTwice`]), and ends once;
//! - a node got the bytes that were enqueued, under a lease that the hub knows
//!   ([`Kind::WrongPayload`], [`Kind::Ungranted`]);
//! - what a scene looked at itself was in order, and no process ended by itself
//!   ([`Kind::NotKept`], [`Kind::Fell`], [`Kind::Panicked`]);
//! - and the history can be read ([`Kind::Unreadable`]).
//!
//! The log of the hub is not needed: without it, what only the log shows is not judged, and
//! [`Summary::changes`] is 0.

mod answers;
mod change;
mod checked;
mod ends;
mod history;
mod order;
mod outcome;
mod poison;
mod record;
mod replay;
mod requeue;
mod story;
mod summary;
mod table;
mod twice;
mod verdict;
mod violation;
mod words;

pub use change::{Change, LogLine};
pub use history::{History, Logged, Place, Recorded};
pub use outcome::{Answer, Life, Outcome};
pub use record::{Began, Entry, Found, How, Terms, What};
pub use summary::Summary;
pub use table::table;
pub use verdict::{Verdict, judge};
pub use violation::{Kind, Violation};
pub use words::counted;
