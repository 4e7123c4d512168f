//! The log of the hub, as `LEASEHOLD_LOG_FORMAT=json` writes it with
//! `RUST_LOG=leasehold_hub::telemetry=debug`.

use serde::{Deserialize, Serialize};

use crate::Life;

/// A change of a task, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where it is.
    pub pool: String,
    /// Which task.
    pub task: String,
    /// Why it changed, in the hub's words: `Claimed`, `Requeued(Cut)`.
    pub cause: String,
    /// Its state from now on.
    #[serde(rename = "state")]
    pub life: Life,
    /// Attempts begun that count.
    pub attempt: u32,
    /// Its newest lease, if its holder may still answer.
    pub lease: Option<String>,
    /// The lease that ended with this change.
    pub ended: Option<String>,
    /// What it died of.
    pub died: Option<String>,
    /// 0 is the most urgent; none in logs that do not tell.
    pub priority: Option<u32>,
    /// What its place in the line comes from, in milliseconds; none in logs that do not tell.
    pub ready_at: Option<u64>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogLine {
    /// A task changed.
    Changed(Change),
    /// A task that had ended is known no longer.
    Forgotten {
        /// Which.
        task: String,
    },
    /// The pool failed and goes on from what the store has.
    Failed {
        /// Which.
        pool: String,
    },
    /// The hub panicked; its words.
    Panicked(String),
    /// It is of something else.
    Other,
}

impl LogLine {
    /// # Errors
    /// What is wrong with a line that should be JSON, or a change.
    pub fn parse(line: &str) -> Result<Self, String> {
        if !line.starts_with('{') {
            let panicked = line.contains("panicked at") && !is_of_engine(line);
            return Ok(if panicked {
                Self::Panicked(line.to_owned())
            } else {
                Self::Other
            });
        }
        let failed = |error: serde_json::Error| error.to_string();
        let head: Head = serde_json::from_str(line).map_err(failed)?;
        let missing = |what: &str| format!("it names no {what}");
        match head.message.as_deref() {
            Some("task changed") => serde_json::from_str(line)
                .map(Self::Changed)
                .map_err(failed),
            Some("task forgotten") => {
                let task = head.task.ok_or_else(|| missing("task"))?;
                Ok(Self::Forgotten { task })
            }
            Some("the pool failed; it is restored from the store") => {
                let pool = head.pool.ok_or_else(|| missing("pool"))?;
                Ok(Self::Failed { pool })
            }
            Some(_) | None => Ok(Self::Other),
        }
    }
}

/// Whether it is an engine of the store that panicked: the hub takes that for an error of the store,
/// which is what it means. sled does so when it closes a file that it could not sync.
fn is_of_engine(line: &str) -> bool {
    ENGINES.iter().any(|engine| line.contains(engine))
}

/// Where their source is, of whatever version.
const ENGINES: [&str; 3] = ["/sled-", "/fjall-", "/lsm-tree-"];

/// What decides how a line is read.
#[derive(Deserialize)]
struct Head {
    message: Option<String>,
    pool: Option<String>,
    task: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_hubs_unless_an_engine_says_it() {
        let of_hub = "thread 'main' (7) panicked at crates/hub/src/hub.rs:1:2:";
        let panicked = LogLine::Panicked(of_hub.to_owned());
        assert_eq!(LogLine::parse(of_hub), Ok(panicked));
        let of_engine = "thread 'store-writer' (7) panicked at /registry/sled-0.34.7/src/a.rs:1:2:";
        assert_eq!(LogLine::parse(of_engine), Ok(LogLine::Other));
    }
}
