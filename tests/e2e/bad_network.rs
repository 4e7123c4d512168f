//! Chaos of the network, by a seed, for some seconds: what the scenes promise, they hold.

mod support;

use std::time::Duration;

use support::process::leasehold;
use tokio::time::timeout;

/// How long a scene of a few seconds may take on a machine that has much else to do.
const SCENE_WITHIN: Duration = Duration::from_secs(400);

const KEPT: &str = "all promises were kept";

/// What a scene says; it must have gone well.
async fn play(args: &[&str]) -> String {
    let mut command = leasehold(&["chaos"]);
    command.args(args).kill_on_drop(true);
    let told = timeout(SCENE_WITHIN, command.output()).await;
    let told = told.expect("a scene ends").expect("a scene begins");
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{text}{complaint}");
    text
}

#[tokio::test]
async fn bad_cables_break_no_promise_and_what_they_spoil_is_answered() {
    let told = play(&["network", "--seed", "787", "--for", "12s", "--slack", "6s"]).await;
    assert!(told.contains(KEPT), "{told}");
    assert!(told.contains("a bit of"), "nothing was spoilt: {told}");
    assert!(told.contains("all is lost"), "nothing was lost: {told}");
    assert!(told.contains(" told why they ended, 0 not"), "{told}");
}

#[tokio::test]
async fn real_partitions_break_no_promise_where_the_machine_can_have_them() {
    let told = play(&["partition", "--seed", "1", "--for", "6s", "--slack", "6s"]).await;
    assert!(
        told.contains(KEPT) || told.contains("partition is passed over: "),
        "{told}"
    );
}
