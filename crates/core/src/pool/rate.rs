//! How often tasks may be granted: buckets in integers.
