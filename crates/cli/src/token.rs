//! `leasehold token`

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use leasehold_hub::{TokenError, TokenFile, wall_clock};
use leasehold_node::{NodeName, PoolName, Role, Secret, TokenSpec, TokenView};
use serde::Serialize;

use crate::{
    args::{CreateArgs, Kept, Reach, TokenArgs, TokenVerb},
    exit::{Failure, complain},
    output::{
        self,
        table::{Lean, Table},
        words::{moment, or_dash},
    },
};

/// Who made a token that was made without a hub.
const OFFLINE: &str = "offline";

/// Makes, shows or revokes tokens.
pub(crate) async fn run(args: TokenArgs) -> Result<(), Failure> {
    match args.verb {
        TokenVerb::Create(args) => create(args).await,
        TokenVerb::List(args) => {
            let tokens = match offline(&args.kept)? {
                Some(file) => file.list(),
                None => {
                    let tokens = args.reach.inspector().tokens().await;
                    tokens.map_err(|error| Failure::request("list tokens", &error))?
                }
            };
            list(&args.reach, &tokens)
        }
        TokenVerb::Revoke(args) => {
            let name = &args.name;
            let what = format!("revoke the token {name}");
            match offline(&args.kept)? {
                Some(mut file) => file.revoke(name).map_err(|error| failed(&what, &error))?,
                None => {
                    let revoked = args.reach.inspector().revoke_token(name).await;
                    revoked.map_err(|error| Failure::request(&what, &error))?;
                }
            }
            if args.reach.json {
                return output::document(&Revoked { revoked: name });
            }
            output::lines([format!("{name}: revoked")])
        }
    }
}

async fn create(args: CreateArgs) -> Result<(), Failure> {
    let CreateArgs {
        name,
        roles,
        pools,
        node,
        labels,
        good_for,
        out,
        kept,
        reach,
    } = args;
    let out = out.map(Out::new).transpose()?;
    let what = format!("make the token {name}");
    let spec = TokenSpec {
        name,
        roles,
        pools,
        node,
        labels,
        good_for_ms: good_for.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
    };
    let (token, view) = match offline(&kept)? {
        Some(mut file) => file
            .create(spec, OFFLINE)
            .map_err(|error| failed(&what, &error))?,
        None => {
            let made = reach.inspector().create_token(spec).await;
            made.map_err(|error| Failure::request(&what, &error))?
        }
    };
    tell(&reach, &token, &view, out)
}

/// The token goes to one place, and is said nowhere else.
fn tell(reach: &Reach, token: &Secret, view: &TokenView, out: Option<Out>) -> Result<(), Failure> {
    let shown = out.is_none().then(|| token.reveal());
    let path = out.map(|out| out.keep(token)).transpose()?;
    if reach.json {
        return output::document(&Made {
            token: shown,
            file: path.as_deref().map(Path::to_string_lossy),
            view: Shown::new(view),
        });
    }
    match path {
        Some(path) => complain(format!(
            "the token {} is in {}, and nowhere else",
            view.spec.name,
            path.display()
        )),
        None => complain("this is the only time that it is shown:"),
    }
    output::lines(shown.map(str::to_owned))
}

/// The file for the token, which is there before there is a token: one without a file would be lost.
struct Out {
    path: PathBuf,
    file: std::fs::File,
    is_kept: bool,
}

impl Out {
    fn new(path: PathBuf) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(&path);
        let failed = |error: io::Error| {
            let what = format!("write {}", path.display());
            if error.kind() == io::ErrorKind::AlreadyExists {
                return Failure::failed(what, "it is there already: name a file that is not");
            }
            Failure::failed(what, error)
        };
        Ok(Self {
            file: opened.map_err(failed)?,
            path,
            is_kept: false,
        })
    }

    fn keep(mut self, token: &Secret) -> Result<PathBuf, Failure> {
        let line = format!("{}\n", token.reveal());
        let written = self.file.write_all(line.as_bytes());
        let written = written.and_then(|()| self.file.sync_all());
        let failed = |error| Failure::failed(format!("write {}", self.path.display()), error);
        written.map_err(failed)?;
        self.is_kept = true;
        Ok(self.path.clone())
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        if !self.is_kept {
            // What is left of it is empty, or a part of a token that is in nobody's hands.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn offline(kept: &Kept) -> Result<Option<TokenFile>, Failure> {
    let opened = match (&kept.data, &kept.file) {
        (Some(data), _) => TokenFile::in_data(data),
        (None, Some(file)) => TokenFile::open(file),
        (None, None) => return Ok(None),
    };
    opened
        .map(Some)
        .map_err(|error| failed("open the tokens", &error))
}

fn failed(what: &str, error: &TokenError) -> Failure {
    match error {
        TokenError::Refused(why) => Failure::failed(what, why),
        TokenError::Io { .. } | TokenError::Damaged { .. } | TokenError::InUse(_) => {
            Failure::Failed(error.to_string())
        }
    }
}

fn list(reach: &Reach, tokens: &[TokenView]) -> Result<(), Failure> {
    if reach.json {
        let tokens: Vec<Shown<'_>> = tokens.iter().map(Shown::new).collect();
        return output::document(&tokens);
    }
    let mut table = Table::new(&[
        ("NAME", Lean::Left),
        ("ROLES", Lean::Left),
        ("POOLS", Lean::Left),
        ("NODE", Lean::Left),
        ("LABELS", Lean::Left),
        ("MADE", Lean::Left),
        ("BY", Lean::Left),
        ("ENDS", Lean::Left),
        ("SESSIONS", Lean::Right),
    ]);
    let row = |view: &TokenView| {
        let shown = Shown::new(view);
        vec![
            shown.name.to_owned(),
            shown.roles.join(","),
            match shown.pools.as_slice() {
                [] => "all".to_owned(),
                pools => pools.join(","),
            },
            or_dash(shown.node),
            shown.labels.join(","),
            moment(view.made_at_ms),
            view.made_by.clone(),
            view.ends_at_ms.map_or_else(|| "-".to_owned(), end),
            view.sessions.to_string(),
        ]
    };
    let rows: Vec<_> = tokens.iter().map(row).collect();
    output::write(table.page(&rows).as_bytes())
}

/// When it ends, or that it has ended.
fn end(at_ms: u64) -> String {
    let is_over = wall_clock().as_millis() >= at_ms;
    format!("{}{}", moment(at_ms), if is_over { " (over)" } else { "" })
}

/// A token as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    roles: Vec<&'static str>,
    pools: Vec<&'a str>,
    node: Option<&'a str>,
    labels: &'a [String],
    made_at_ms: u64,
    made_by: &'a str,
    ends_at_ms: Option<u64>,
    sessions: u32,
}

impl<'a> Shown<'a> {
    fn new(view: &'a TokenView) -> Self {
        let spec = &view.spec;
        let word = |role: &Role| match role {
            Role::Producer => "producer",
            Role::Node => "node",
            Role::Admin => "admin",
        };
        Self {
            name: &spec.name,
            roles: spec.roles.iter().map(word).collect(),
            pools: spec.pools.iter().map(PoolName::as_str).collect(),
            node: spec.node.as_ref().map(NodeName::as_str),
            labels: &spec.labels,
            made_at_ms: view.made_at_ms,
            made_by: &view.made_by,
            ends_at_ms: view.ends_at_ms,
            sessions: view.sessions,
        }
    }
}

#[derive(Serialize)]
struct Made<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<std::borrow::Cow<'a, str>>,
    #[serde(flatten)]
    view: Shown<'a>,
}

#[derive(Serialize)]
struct Revoked<'a> {
    revoked: &'a str,
}
