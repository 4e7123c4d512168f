//! Keeping, showing and dropping schedules.
