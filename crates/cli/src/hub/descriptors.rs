//! File descriptors: each session costs one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors for all that is no session: the store, its next generation, the port, the runtime.
const BESIDES_SESSIONS: u64 = 128;

/// Raises the bound on this process's descriptors as far as the system lets it, and returns how
/// many sessions fit. A hub that took more would have none left for its store.
pub(super) fn sessions_that_fit(sessions_max: usize) -> usize {
    let needed = (sessions_max as u64).saturating_add(BESIDES_SESSIONS);
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(bounds) => bounds,
        Err(error) => {
            tracing::warn!(%error, "the bound on open files is not known");
            return sessions_max;
        }
    };
    // Some systems hold a process to less than its hard bound says.
    let raised = [hard, needed.min(hard)]
        .into_iter()
        .find(|bound| *bound > soft && setrlimit(Resource::RLIMIT_NOFILE, *bound, hard).is_ok());
    let open_files_max = raised.unwrap_or(soft);
    if needed <= open_files_max {
        return sessions_max;
    }
    let fit = open_files_max.saturating_sub(BESIDES_SESSIONS).max(1);
    tracing::warn!(
        open_files_max,
        sessions_max,
        "the system allows this process too few open files for hub.sessions_max: the hub holds at \
         most {fit} sessions; raise the hard limit (ulimit -Hn, LimitNOFILE) to {needed}"
    );
    usize::try_from(fit).unwrap_or(sessions_max)
}
