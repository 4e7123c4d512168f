//! Real processes, real faults, and a verdict: `leasehold chaos`.
//!
//! A run sets a *stage*: a folder of its own with a hub, producers and nodes, each a process of
//! this very program. Each process appends what it does and sees to a file of its own, one line of
//! JSON an event and one write(2) a line, so that `kill -9` takes nothing back; the hub logs each
//! change of a task. A *nemesis* then does to them what its schedule says, which is a pure function
//! of the seed. At last all faults are taken back, what is left is worked off, and
//! `leasehold-judge` reads the files and says which promises were kept. It shares no code with what
//! it judges.
//!
//! | file | what |
//! |---|---|
//! | `args.rs` | what may be said on the command line |
//! | `nemesis.rs` | what a scene is: implement `nemesis::Nemesis` to add one |
//! | `scenes/` | one file each; `scenes.rs` lists them |
//! | `play.rs` | a run from its beginning to its verdict |
//! | `stage.rs`, `stage/` | the processes: starting, killing, freezing them; the quiet phase |
//! | `cast.rs` | who is on stage, and the knobs of the hub |
//! | `access.rs` | how all of them reach the hub: TLS, tokens |
//! | `workload/` | what producers, nodes and stale holders do |
//! | `raw.rs` | a session by hand, for those who behave badly |
//! | `proxy.rs`, `proxy/` | a cable that goes wrong, for scenes that lay one in `nemesis::Nemesis::link` |
//! | `spaces.rs` | network namespaces, where the machine allows them |
//! | `recorder.rs`, `moment.rs` | writing the history; the clock that it is written by |
//! | `interruption.rs` | SIGINT and SIGTERM: all that a run made goes with it |
//! | `all.rs` | all scenes side by side, and one table |
//!
//! # To add a scene
//!
//! 1. Write `scenes/NAME.rs` with a type that implements `nemesis::Nemesis`: `set` says who is on
//!    stage and which knobs, variables of the environment and program the hub has; `link` may put
//!    something between a process and the hub; `draw` makes the schedule of a `dice::Dice`;
//!    `act` carries one act out, and tells the `stage::Stage` of faults that it does not do
//!    itself (`stage::Stage::fault`); `relent` takes all of it back before the quiet phase.
//! 2. Add it to `args::Verb` and to `scenes.rs`, which `chaos all` plays.

mod access;
mod all;
mod args;
mod cast;
mod check;
mod dice;
mod error;
mod interruption;
mod moment;
mod nemesis;
mod payload;
mod play;
mod proxy;
mod raw;
mod recorder;
mod scenes;
mod spaces;
mod stage;
mod teller;
mod terms;
mod workload;

use std::process::ExitCode;

pub use args::ChaosArgs;
pub use error::ChaosError;

use args::Verb;

/// Runs `leasehold chaos`, with a runtime of its own. The exit code is 1 if a promise was broken.
///
/// # Errors
/// When a run cannot be carried out; what is wrong with a promise is told, and no error.
pub fn run(args: ChaosArgs) -> Result<ExitCode, ChaosError> {
    if let Verb::Leash(args) = args.verb {
        return Err(stage::leash(&args));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(ChaosError::io("start a runtime"))?;
    // On this thread, which lives as long as the process: whom it starts is killed when it ends.
    let ended = runtime.block_on(Box::pin(play(args.verb)));
    runtime.shutdown_background();
    ended
}

async fn play(verb: Verb) -> Result<ExitCode, ChaosError> {
    match verb {
        Verb::Kill(args) => play::play(|_| Ok(scenes::Kill), args).await,
        Verb::Disk(args) => play::play(|_| scenes::Disk::prepare(), args).await,
        Verb::PowerCut(args) => play::play(|_| scenes::PowerCut::<false>::prepare(), args).await,
        Verb::PowerCutFjall(args) => {
            play::play(|_| scenes::PowerCut::<true>::prepare(), args).await
        }
        Verb::Freeze(args) => play::play(|_| Ok(scenes::Freeze), args).await,
        Verb::Load(args) => play::play(|_| Ok(scenes::Load::default()), args).await,
        Verb::Clock(args) => play::play(|_| scenes::Clock::prepare(), args).await,
        Verb::Upgrade(args) => play::play(scenes::Upgrade::prepare, args).await,
        Verb::Partition(args) => play::play(|_| scenes::Partition::prepare(), args).await,
        Verb::Network(args) => play::play(|_| Ok(scenes::Network::default()), args).await,
        Verb::All(args) => all::run(args).await,
        Verb::Check(args) => check::run(&args),
        Verb::Produce(args) => workload::producer::run(args).await,
        Verb::Work(args) => workload::node::run(args).await,
        Verb::Hold(args) => workload::holder::run(args).await,
        Verb::Leash(_) => unreachable!("it needs no runtime"),
    }
}
