//! What worlds have. A feature is switched on when the core has it: until then the oracle knows its
//! rules, and nobody asks for it.

/// When a task runs and how often it is tried: a moment to run at, a time to live, a longest
/// runtime, and retries and budgets of its own.
pub const LIFE: bool = true;

/// Calling off what is on lease by asking its holder first.
pub const STOPS: bool = true;

/// Keys, follow-ups, and tasks that wait for others.
pub const LINKS: bool = true;

/// A bound on what is on lease at once.
pub const LIMITS: bool = true;

/// Schedules.
pub const SCHEDULES: bool = true;
