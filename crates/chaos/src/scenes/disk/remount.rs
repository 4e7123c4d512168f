//! A disk that the kernel makes read-only, as it does after an error in it, and what its owner does
//! then: unmount it, check it, mount it again. The hub is there all the time.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::mount::Mount;
use crate::{error::ChaosError, nemesis::Who, stage::Stage};

/// A pool in which nobody works: it only asks whether a task is taken.
const POOL: &str = "aside";

/// How long a command waits for the hub that is expected to refuse.
const PATIENCE: &str = "1s";

/// How long the hub may take to do what it does within five seconds, on a machine that has much else
/// to do.
const WITHIN: Duration = Duration::from_secs(60);
const WITHIN_TEXT: &str = "60s";

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long the hub may have nothing to do with its disk beside the time for which it is read-only:
/// twice what it waits between two tries.
pub(super) const MENDING: Duration = Duration::from_secs(10);

/// What a command is to say of it.
const UNAVAILABLE: &str = "the pool is not available just now";
const READ_ONLY: &str = "Read-only file system";

/// Makes it read-only for so long, and then mends it.
pub(super) async fn play(
    mount: &mut Mount,
    stage: &mut Stage,
    length: Duration,
) -> Result<(), ChaosError> {
    let until = Instant::now() + length;
    let broken = mount.break_it();
    broken.map_err(ChaosError::io("make the disk read-only"))?;
    ask_in_vain(stage).await;
    sleep_until(until).await;
    let failed = |why| ChaosError::failed("mend the disk", why);
    mount.take_away().map_err(failed)?;
    wait_until_free(mount, stage).await?;
    mount.mend().map_err(failed)?;
    // Nothing, unless it had to be killed.
    stage.start_all(&[Who::Hub]).await?;
    ask_again(stage).await;
    Ok(())
}

async fn enqueue(stage: &Stage, patience: &str) -> Result<String, String> {
    let args = ["enqueue", POOL, "x", "--timeout", patience];
    // A hub that hears and says nothing would be waited for.
    let Ok(asked) = timeout(2 * WITHIN, stage.run(&args)).await else {
        return Err(format!("there was no answer within {:?}", 2 * WITHIN));
    };
    asked.map_err(|error| error.to_string())
}

/// What is enqueued now must not be acknowledged, and whoever does so is told why.
async fn ask_in_vain(stage: &Stage) {
    let until = Instant::now() + WITHIN;
    let (is_kept, seen) = loop {
        match enqueue(stage, PATIENCE).await {
            Ok(task) => break (false, format!("task {} was acknowledged", task.trim())),
            Err(said) => match why(&said) {
                Some(why) => break (true, why.to_owned()),
                None if Instant::now() > until => break (false, said),
                None => {}
            },
        }
    };
    let promise = "an enqueue to a read-only disk is not acknowledged, and told why";
    stage.checked(promise, is_kept, seen);
}

/// The answer, if it says what is wrong.
fn why(said: &str) -> Option<&str> {
    let answer = &said[said.find(UNAVAILABLE)?..];
    answer.contains(READ_ONLY).then_some(answer)
}

/// Nobody can mend a disk that somebody has open. If the hub does not let go of it by itself, it is
/// killed, so that the run comes to its end.
async fn wait_until_free(mount: &Mount, stage: &mut Stage) -> Result<(), ChaosError> {
    let began = Instant::now();
    let is_free = is_free_within(mount, WITHIN).await;
    let seen = format!(
        "{:.1} s after it was unmounted",
        began.elapsed().as_secs_f64()
    );
    stage.checked("the hub lets go of a disk that is unmounted", is_free, seen);
    if is_free {
        return Ok(());
    }
    stage.kill(&[Who::Hub]).await?;
    if is_free_within(mount, WITHIN).await {
        return Ok(());
    }
    let why = "somebody beside the hub has it open";
    Err(ChaosError::failed("unmount the disk", why))
}

async fn is_free_within(mount: &Mount, within: Duration) -> bool {
    let until = Instant::now() + within;
    while !mount.is_free() {
        if Instant::now() > until {
            return false;
        }
        sleep(LOOK_EVERY).await;
    }
    true
}

/// It is there again, and so must the hub be, which nobody has started anew.
async fn ask_again(stage: &Stage) {
    let began = Instant::now();
    let taken = enqueue(stage, WITHIN_TEXT).await;
    let after = format!(
        "{:.1} s after it was mounted",
        began.elapsed().as_secs_f64()
    );
    let promise = "the hub takes a disk that is mounted again, without a restart";
    stage.checked(
        promise,
        taken.is_ok(),
        taken.map_or_else(|why| why, |_| after),
    );
}

#[cfg(test)]
mod tests {
    use super::why;

    #[test]
    fn an_answer_is_clear_if_it_says_that_the_disk_is_read_only() {
        let answer = "the pool is not available just now: the store failed to open: data/sled-1: \
                      Read-only file system (os error 30); try again in 100ms";
        let said = format!("failed to run leasehold enqueue: {answer}");
        assert_eq!(why(&said), Some(answer));
        for vague in [
            "the hub cannot be reached",
            "Read-only file system",
            "the pool is not available just now: it is being restored",
        ] {
            assert_eq!(why(vague), None, "{vague}");
        }
    }
}
