//! Tasks that have to do with one another: follow-ups, parents, keys.
