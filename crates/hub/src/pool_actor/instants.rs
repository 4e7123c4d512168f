//! The instants of cron expressions and intervals.
