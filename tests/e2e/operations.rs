//! docs/OPERATIONS.md
