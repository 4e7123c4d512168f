//! A run, from its beginning to its verdict.

use std::{fs, path::Path, process::ExitCode, time::Duration};

use leasehold_judge::{Began, History, Summary, counted, judge};
use tokio::time::Instant;

use crate::{
    access::Access,
    args::SceneArgs,
    cast::Cast,
    dice::Dice,
    error::{ChaosError, Unplayed},
    interruption::Interruption,
    moment,
    nemesis::{Nemesis, Step, Who},
    scenes,
    stage::{self, Stage},
    teller::{Teller, print},
    terms,
};

/// Seeds are short, so that they can be typed.
const SEED_BOUND: u64 = 1_000_000_000;

/// How long a hub that runs already may take to answer: as for every command.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// A seed that nobody chose.
fn any_seed() -> u64 {
    moment::any() % SEED_BOUND
}

/// So begins the line that says why a scene is not played, after its name.
pub(crate) const PASSED_OVER: &str = " is passed over: ";

/// Plays a scene and judges it, where the machine has what it takes. Interrupted, it ends with all
/// that it started, mounted and wrote.
pub(crate) async fn play<N: Nemesis>(
    prepare: impl FnOnce(&SceneArgs) -> Result<N, Unplayed>,
    mut args: SceneArgs,
) -> Result<ExitCode, ChaosError> {
    let interruption = Interruption::listen()?;
    check::<N>(&args)?;
    // What is prepared may go by the seed.
    args.seed = Some(args.seed.unwrap_or_else(any_seed));
    let nemesis = match prepare(&args) {
        Ok(nemesis) => nemesis,
        Err(Unplayed::PassedOver(why)) => {
            let name = scenes::told(N::NAME, args.closed);
            print(format!("{name}{PASSED_OVER}{why}"));
            return Ok(ExitCode::SUCCESS);
        }
        Err(Unplayed::Failed(error)) => return Err(error),
    };
    interruption.unless(Box::pin(perform(nemesis, args))).await
}

/// Whether nothing is there where all is to be kept.
pub(crate) fn check_keep(keep: Option<&Path>) -> Result<(), ChaosError> {
    match keep {
        Some(path) if path.symlink_metadata().is_ok() => Err(ChaosError::Usage(format!(
            "--keep {} is there already: name a folder that is not",
            path.display()
        ))),
        Some(_) | None => Ok(()),
    }
}

/// Whether that can be asked of the scene.
fn check<N: Nemesis>(args: &SceneArgs) -> Result<(), ChaosError> {
    if args.hub.is_some() && !N::IS_FOR_ANY_HUB {
        let text = format!(
            "{} is not played at a hub of yours: only kill and freeze take --hub",
            N::NAME
        );
        return Err(ChaosError::Usage(text));
    }
    if args.length < N::ENOUGH {
        let [given, enough] = [args.length, N::ENOUGH].map(humantime::format_duration);
        let text = format!(
            "--for {given} is too short for {}: {enough} is enough",
            N::NAME
        );
        return Err(ChaosError::Usage(text));
    }
    check_keep(args.keep.as_deref())
}

async fn perform<N: Nemesis>(mut nemesis: N, args: SceneArgs) -> Result<ExitCode, ChaosError> {
    let seed = args.seed.unwrap_or_else(any_seed);
    let mut cast = Cast::new(args.hub_config.is_some() || args.hub.is_some());
    cast.is_hub_ours = args.hub.is_none();
    nemesis.set(&mut cast);
    cast.hub_program = args.hub_program.clone().or(cast.hub_program);
    let access = Access::begin(&args, &mut cast)?;
    let config = stage::configuration(&cast, &args).await?;
    cast.terms = terms::read(&config).map_err(|why| ChaosError::failed("read its terms", why))?;
    cast.terms.slack_ms = u64::try_from(args.slack.as_millis()).unwrap_or(u64::MAX);
    if args.hub.is_some() && args.hub_config.is_none() {
        // That hub may have other settings.
        cast.terms.back_off_least_ms = 0;
    }
    let access = access.settle(&args, &mut cast, &config).await?;
    if let Some(hub) = &args.hub {
        stage::knock(&access.way.door(hub)?, ANSWERS_WITHIN).await?;
    }
    let steps = nemesis.draw(&cast, &mut Dice::new(seed), args.length);
    let teller = Teller::new();
    introduce::<N>(&cast, &args, seed, steps.len());
    let began = Began {
        scene: scenes::told(N::NAME, args.closed),
        seed,
        terms: cast.terms.clone(),
    };
    let mut stage = Stage::set(cast, &args, access, began, teller)?;
    if let Err(error) = act(&mut nemesis, &mut stage, &steps, &args).await {
        // Nobody was let in, and there is nothing to be seen.
        if matches!(error, ChaosError::Hub { .. }) {
            return Err(error);
        }
        let folder = stage.keep();
        teller.say(format!("logs and history are kept in {}", folder.display()));
        return Err(error);
    }
    verdict(stage, &args)
}

fn introduce<N: Nemesis>(cast: &Cast, args: &SceneArgs, seed: u64, steps: usize) {
    let length = humantime::format_duration(args.length);
    let option = |name: &str, value: Option<String>| {
        value.map_or_else(String::new, |value| format!(" {name} {value}"))
    };
    let path = |of: &Option<std::path::PathBuf>| of.as_ref().map(|of| of.display().to_string());
    let rest = option("--hub", args.hub.clone())
        + &option("--hub-config", path(&args.hub_config))
        + &option("--hub-program", path(&args.hub_program))
        + if args.closed { " --closed" } else { "" }
        + &if args.hub.is_some() || (cast.speaks_tls && !args.closed) {
            args.way.told()
        } else {
            String::new()
        };
    let acts = counted(steps as u64, "act");
    print(format!(
        "chaos {}: a hub, {} nodes, {} producers; {acts} within {length}, drawn from seed \
         {seed}\n  again: leasehold chaos {} --seed {seed} --for {}{rest}",
        N::NAME,
        cast.nodes,
        cast.producers,
        N::NAME,
        length.to_string().replace(' ', ""),
    ));
}

async fn act<N: Nemesis>(
    nemesis: &mut N,
    stage: &mut Stage,
    steps: &[Step<N::Act>],
    args: &SceneArgs,
) -> Result<(), ChaosError> {
    stage.start_all(&[Who::Hub]).await?;
    if args.hub.is_none() {
        stage::knock(stage.door(), stage::LET_IN_WITHIN).await?;
    }
    let parts = stage.cast.all_parts();
    // Between others and their hub there is nothing of ours.
    if let Some(hub) = stage.hub() {
        for who in &parts {
            let way = nemesis.link(*who, hub).await;
            let way = way.map_err(ChaosError::io(format!("lay a way for {who}")))?;
            stage.lay(*who, way);
        }
    }
    stage.start_all(&parts).await?;
    if args.hub.is_some() {
        let detail = "whatever its owner does to the hub";
        stage.fault("of your own", Who::Hub, detail, args.length);
    }
    let began = Instant::now();
    for (number, step) in (1..).zip(steps) {
        stage.pass(until(began + step.at)).await?;
        stage
            .teller
            .say(format!("{number}/{}: {}", steps.len(), step.act));
        nemesis.act(stage, &step.act).await?;
        stage.reap();
    }
    stage.pass(until(began + args.length)).await?;
    nemesis.relent(stage).await?;
    stage.quiet().await
}

fn until(at: Instant) -> Duration {
    at.saturating_duration_since(Instant::now())
}

/// Judges, says so, and keeps what shows a broken promise.
fn verdict(mut stage: Stage, args: &SceneArgs) -> Result<ExitCode, ChaosError> {
    let history = History::read(stage.folder());
    let verdict = judge(&history.map_err(ChaosError::io("read the history"))?);
    print(format!("\n{verdict}"));
    if !verdict.is_clean() {
        let folder = stage.keep();
        let folder = folder.display();
        print(format!(
            "\nThe history, the logs and the store are kept in {folder}; to judge it again: \
             leasehold chaos check {folder}"
        ));
    }
    if let Some(path) = &args.summary {
        write_summary(path, &verdict.summary)?;
    }
    Ok(ExitCode::from(u8::from(!verdict.is_clean())))
}

fn write_summary(path: &Path, summary: &Summary) -> Result<(), ChaosError> {
    let text = serde_json::to_string(summary).map_err(|error| ChaosError::failed("tell", error))?;
    fs::write(path, text).map_err(ChaosError::io(format!("write {}", path.display())))
}
