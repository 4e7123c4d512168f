//! Schedules: which instants are due, planned for the pool.
