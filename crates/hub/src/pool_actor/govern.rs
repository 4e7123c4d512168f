//! A pool's policy: validated and merged with the hub's own settings, then the pool's.
