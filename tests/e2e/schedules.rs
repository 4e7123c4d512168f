//! Recurring schedules, over the death of the hub.
