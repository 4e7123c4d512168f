//! Names for priorities. On the wire and in the store a priority is a number, 0 the most urgent.

/// Before everything else.
pub const CRITICAL: u32 = 0;

/// Sooner than most.
pub const HIGH: u32 = 2;

/// What a task has that says nothing of it.
pub const NORMAL: u32 = 4;

/// Later than most.
pub const LOW: u32 = 8;

/// When there is nothing else to do, but for aging.
pub const BULK: u32 = 16;

/// All names, the most urgent first.
pub const NAMED: [(&str, u32); 5] = [
    ("critical", CRITICAL),
    ("high", HIGH),
    ("normal", NORMAL),
    ("low", LOW),
    ("bulk", BULK),
];
