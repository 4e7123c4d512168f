//! `leasehold pool`

use leasehold_node::{PoolName, PoolView, Rejection, RequestError, Where};
use serde::Serialize;

use crate::{
    args::{PoolArgs, PoolVerb, PurgeArgs, Reach, SetArgs},
    exit::Failure,
    output::{
        self, json,
        table::{Lean, Table, facts},
        words,
    },
};

/// Makes, shows, changes, pauses, empties or deletes a pool.
pub(crate) async fn run(args: PoolArgs) -> Result<(), Failure> {
    match args.verb {
        PoolVerb::Create(args) => {
            let SetArgs { pool, settings, .. } = &args;
            let made = args
                .reach
                .inspector()
                .create_pool(pool, settings.clone())
                .await;
            tell(&args.reach, &done("make", pool, made)?, "made")
        }
        PoolVerb::Set(args) if args.settings.is_empty() => {
            let why = "give at least one KEY=VALUE; `leasehold pool show` lists the keys";
            Err(Failure::Usage(why.to_owned()))
        }
        PoolVerb::Set(args) => {
            let SetArgs { pool, settings, .. } = &args;
            let changed = args
                .reach
                .inspector()
                .set_pool(pool, settings.clone())
                .await;
            let view = done("change", pool, changed)?;
            tell(&args.reach, &view, "changed")
        }
        PoolVerb::Show(args) => {
            let shown = args.reach.inspector().pool(&args.pool).await;
            show(&args.reach, &done("look at", &args.pool, shown)?)
        }
        PoolVerb::Pause(args) => {
            let note = args.note.clone();
            let paused = args.reach.inspector().pause_pool(&args.pool, note).await;
            tell(&args.reach, &done("pause", &args.pool, paused)?, "paused")
        }
        PoolVerb::Resume(args) => {
            let resumed = args.reach.inspector().resume_pool(&args.pool).await;
            tell(
                &args.reach,
                &done("resume", &args.pool, resumed)?,
                "resumed",
            )
        }
        PoolVerb::Purge(args) => purge(&args).await,
        PoolVerb::Delete(args) => {
            let inspector = args.reach.inspector();
            let deleted = inspector.delete_pool(&args.pool, args.force).await;
            if let Err(error @ RequestError::Rejected(Rejection::NotEmpty { .. })) = &deleted {
                let why = format!("{error}; with --force they are called off");
                return Err(Failure::failed(
                    format!("delete the pool {}", args.pool),
                    why,
                ));
            }
            tell(
                &args.reach,
                &done("delete", &args.pool, deleted)?,
                "deleted",
            )
        }
    }
}

fn done<T>(what: &str, pool: &PoolName, done: Result<T, RequestError>) -> Result<T, Failure> {
    done.map_err(|error| Failure::request(format!("{what} the pool {pool}"), &error))
}

async fn purge(args: &PurgeArgs) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Line<'a> {
        pool: &'a str,
        purged: u64,
    }
    let inspector = args.reach.inspector();
    let mut which: Vec<Where> = args.state.map(Where::State).into_iter().collect();
    which.extend(args.cause.map(Where::Cause));
    which.extend(args.ended_before.map(Where::EndedBefore));
    let purged = done(
        "purge",
        &args.pool,
        inspector.purge(&args.pool, which).await,
    )?;
    let pool = args.pool.as_str();
    output::lines([if args.reach.json {
        json::line(&Line { pool, purged })
    } else {
        format!("{pool}: {} forgotten", words::count(purged, "task"))
    }])
}

fn tell(reach: &Reach, view: &PoolView, what: &str) -> Result<(), Failure> {
    if reach.json {
        return output::document(&Shown::new(view));
    }
    output::lines([format!("{}: {what}", view.name)])
}

fn show(reach: &Reach, view: &PoolView) -> Result<(), Failure> {
    if reach.json {
        return output::document(&Shown::new(view));
    }
    let blocked = match view.blocked_by.as_slice() {
        [] => "nothing".to_owned(),
        by => by.join("; "),
    };
    let mut text = facts(&[("pool", view.name.to_string()), ("held up by", blocked)]);
    let mut table = Table::new(&[
        ("SETTING", Lean::Left),
        ("VALUE", Lean::Left),
        ("BY", Lean::Left),
    ]);
    let rows: Vec<_> = view
        .settings
        .iter()
        .map(|of| vec![of.key.clone(), of.value.clone(), of.source.clone()])
        .collect();
    text += "\n";
    text += &table.page(&rows);
    if !view.history.is_empty() {
        let mut table = Table::new(&[
            ("WHEN", Lean::Left),
            ("WHO", Lean::Left),
            ("WHAT", Lean::Left),
        ]);
        let row = |of: &leasehold_node::PolicyChangeView| {
            vec![words::moment(of.at_ms), of.by.to_string(), of.what.clone()]
        };
        let rows: Vec<_> = view.history.iter().map(row).collect();
        text += "\n";
        text += &table.page(&rows);
    }
    output::write(text.as_bytes())
}

/// A pool as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    paused: Option<&'a str>,
    blocked_by: &'a [String],
    settings: Vec<Setting<'a>>,
    history: Vec<Change<'a>>,
}

#[derive(Serialize)]
struct Setting<'a> {
    key: &'a str,
    value: &'a str,
    source: &'a str,
}

#[derive(Serialize)]
struct Change<'a> {
    at_ms: u64,
    by: &'a str,
    what: &'a str,
}

impl<'a> Shown<'a> {
    fn new(view: &'a PoolView) -> Self {
        let setting = |of: &'a leasehold_node::SettingView| Setting {
            key: &of.key,
            value: &of.value,
            source: &of.source,
        };
        let change = |of: &'a leasehold_node::PolicyChangeView| Change {
            at_ms: of.at_ms,
            by: of.by.as_str(),
            what: &of.what,
        };
        Self {
            name: view.name.as_str(),
            paused: view.paused.as_deref(),
            blocked_by: &view.blocked_by,
            settings: view.settings.iter().map(setting).collect(),
            history: view.history.iter().map(change).collect(),
        }
    }
}
