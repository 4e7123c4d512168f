//! Limits: concurrency, rates, fair shares, room.
