//! Thousands of sessions that connect at once, stay for a moment, and go.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use futures_util::future::join_all;
use leasehold_reach::Door;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{sync::Barrier, time::timeout};

use super::SESSIONS_MAX;
use crate::{
    raw::{Raw, Reception},
    stage::Stage,
};

/// Descriptors for all that is no session.
const BESIDES: u64 = 200;

/// How long those who are in wait for those who are not yet.
const STAY: Duration = Duration::from_secs(10);

/// How it ended for one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Welcomed,
    /// With these words.
    Refused(String),
    /// Its connection was closed before TLS was spoken: there are no words yet that it could be told.
    HungUp,
    /// None of these, but this.
    Unanswered(String),
}

pub(super) async fn storm(stage: &Stage, sessions: usize) {
    let sessions = sessions.min(sessions_that_fit(sessions));
    let detail = format!("{sessions} sessions connect at once");
    stage.fault("connection storm", "hub", &detail, STAY);
    let all_in = Arc::new(Barrier::new(sessions));
    let each = (0..sessions).map(|number| {
        let all_in = Arc::clone(&all_in);
        tokio::spawn(one(stage.door().clone(), number, all_in))
    });
    let mut ends: BTreeMap<End, usize> = BTreeMap::new();
    for end in join_all(each).await {
        let end = end.unwrap_or_else(|error| End::Unanswered(error.to_string()));
        *ends.entry(end).or_default() += 1;
    }
    let seen: Vec<String> = ends.iter().map(told).collect();
    let is_clear = |end: &End| !matches!(end, End::Unanswered(_));
    stage.checked(
        promise(stage.door()),
        ends.keys().all(is_clear) && ends.contains_key(&End::Welcomed),
        format!(
            "of {sessions}, with room for {SESSIONS_MAX}: {}",
            seen.join("; ")
        ),
    );
}

const fn promise(door: &Door) -> &'static str {
    if door.is_plain() {
        "of a storm of sessions each is welcomed, or refused in words"
    } else {
        // To make a stranger understand why there is no room costs a handshake each.
        "of a storm of sessions each is welcomed, refused in words, or hung up on at once"
    }
}

fn told((end, count): (&End, &usize)) -> String {
    match end {
        End::Welcomed => format!("{count} were welcomed"),
        End::Refused(words) => format!("{count} were told \"{words}\""),
        End::HungUp => format!("{count} were hung up on before TLS was spoken"),
        End::Unanswered(what) => format!("{count} had no answer but: {what}"),
    }
}

async fn one(hub: Door, number: usize, all_in: Arc<Barrier>) -> End {
    let opened = Raw::open(&hub, &format!("storm-{number}"), number as u64).await;
    // It stays until all had their answer, so that they are there at once.
    let _ = timeout(STAY, all_in.wait()).await;
    match opened {
        Ok(Reception::Welcomed(_)) => End::Welcomed,
        Ok(Reception::Refused(refusal)) => End::Refused(refusal.reason),
        Err(error) if !hub.is_plain() && is_hang_up(&error) => End::HungUp,
        Err(error) => End::Unanswered(error.to_string()),
    }
}

fn is_hang_up(error: &io::Error) -> bool {
    let kinds = [
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::UnexpectedEof,
    ];
    kinds.contains(&error.kind())
}

/// Raises the bound on this process's descriptors as far as the system lets it.
fn sessions_that_fit(sessions: usize) -> usize {
    let needed = sessions as u64 + BESIDES;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return sessions;
    };
    if soft < needed {
        // Failing, there are fewer sessions.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, needed.min(hard), hard);
    }
    let bound = getrlimit(Resource::RLIMIT_NOFILE).map_or(soft, |(soft, _)| soft);
    usize::try_from(bound.saturating_sub(BESIDES)).unwrap_or(sessions)
}
