//! When a task runs, and how often it is tried: delays, time limits, budgets, priorities.
