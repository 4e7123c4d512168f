//! A disk that fails as disks do, under a process that knows nothing of it.
//!
//! A library in C ([`Shim`]) is preloaded into the process. It fails and delays what the process does to
//! its files, as a [`FaultFile`] says, and writes all of it down. From such a [`Recording`] a
//! [`Platter`] is made, which knows at each moment what was made durable and what was only written; and
//! from that the files that a power cut at this moment may leave behind, as often as one likes. So one
//! run gives thousands of power cuts, at any moment of it.
//!
//! The idea of recording once and building the states of a crash from it is that of ALICE (Pillai and
//! others, OSDI 2014) and CrashMonkey (Mohan and others, OSDI 2018).
//!
//! Deliberately absent: processes that call the kernel past the C library. What a recording leads to is
//! compared with what is on disk ([`Platter::compare`]), so that none is passed over.

mod chance;
mod faults;
mod file;
mod image;
mod names;
mod platter;
mod recording;
mod shim;

pub use chance::Chance;
pub use faults::{Fault, FaultFile};
pub use image::Model;
pub use platter::Platter;
pub use recording::{Deed, Notes, Recording};
pub use shim::{Shim, ShimError};

/// What a disk writes whole, in the model that is used most.
pub const BLOCK_BYTES: usize = 4096;

/// What a disk writes whole at the least.
pub const SECTOR_BYTES: usize = 512;
