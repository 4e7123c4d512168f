//! `leasehold chaos clock` and `leasehold chaos upgrade`, each for a few seconds.

mod support;

use support::process::leasehold;

/// What a scene says, however busy the machine is: its own bounds are what ends it.
async fn play(scene: &str, seed: &str, length: &str) -> String {
    let args = ["chaos", scene, "--seed", seed, "--for", length];
    let mut command = leasehold(&args);
    let output = command.args(["--slack", "20s"]).kill_on_drop(true).output();
    let output = output.await.expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{output:?}");
    assert!(said.contains("all promises were kept"), "{said}");
    said
}

#[tokio::test]
async fn however_the_clock_is_set_each_instant_fires_once_and_no_lease_ends() {
    let told = play("clock", "1", "9s").await;
    for promise in [
        "schedules follow a clock that is set: ",
        "no lease ends by a clock that is set: ",
    ] {
        assert!(told.contains(promise), "{promise}: {told}");
    }
    let each_once = |line: &&str| line.contains("each instant of a schedule fires once: ");
    assert_eq!(told.lines().filter(each_once).count(), 2, "{told}");
}

#[tokio::test]
async fn what_an_earlier_release_left_is_there_after_all_that_follows() {
    for seed in ["0", "2"] {
        let told = play("upgrade", seed, "5s").await;
        let promise = "what an earlier release left is there: all 6 tasks";
        assert!(told.contains(promise), "{told}");
        assert!(told.contains("end the hub in good order"), "{told}");
    }
}
