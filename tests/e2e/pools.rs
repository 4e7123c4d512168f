//! Pools made, changed, paused and deleted while the hub runs, and a configuration read anew.
