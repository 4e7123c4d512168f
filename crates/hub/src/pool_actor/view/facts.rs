//! What else is known of a task, as the wire's facts.
