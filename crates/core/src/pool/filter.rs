//! Which tasks a condition holds for.
