//! How many failures, losses and interruptions a task may have.
