//! What is known of a task: progress, waiting for its end, calling it off, dead letters, traces.
