//! What may be wished for, and what is refused.

use leasehold_core::*;

use crate::harness::*;

fn answer_to(wishes: Vec<Wish>) -> Result<Accepted, String> {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    let new = NewTask { wishes, ..task(1) };
    let answer = world.put(crane, new);
    assert_eq!(world.state(1).is_some(), answer.is_ok(), "both or neither");
    answer.map_err(|refusal| refusal.to_string())
}

fn back_off(base_ms: u64, cap_ms: u64, factor_percent: u32, jitter_percent: u32) -> Wish {
    Wish::BackOff {
        base_ms,
        cap_ms,
        factor_percent,
        jitter_percent,
    }
}

#[test]
fn bounds_of_wishes() {
    let century = 3_153_600_000_000;
    let good = [
        Wish::RunAt(Timestamp::from_millis(0)),
        Wish::RunAt(START + limits::DELAY_MAX),
        Wish::ExpiresAfter(1),
        Wish::ExpiresAfter(315_360_000_000),
        Wish::MaxRuntime(100),
        Wish::MaxRuntime(2_592_000_000),
        back_off(0, 0, 100, 0),
        back_off(century, century, 1000, 100),
        Wish::LossesMax(1),
        Wish::LossesMax(1000),
        Wish::InterruptionsMax(1),
        Wish::InterruptionsMax(1_000_000),
    ];
    for wish in good {
        assert!(answer_to(vec![wish.clone()]).is_ok(), "{wish:?}");
    }
    let bad = [
        (Wish::RunAt(START + limits::DELAY_MAX + ms(1)), "run_at in"),
        (Wish::ExpiresAfter(0), "expires_after in milliseconds is 0"),
        (Wish::ExpiresAfter(315_360_000_001), "expires_after in"),
        (Wish::MaxRuntime(99), "max_runtime in milliseconds is 99"),
        (Wish::MaxRuntime(2_592_000_001), "max_runtime in"),
        (
            back_off(century + 1, century + 1, 200, 50),
            "the back-off's base",
        ),
        (back_off(2, 1, 200, 50), "the back-off's cap"),
        (back_off(1, century + 1, 200, 50), "the back-off's cap"),
        (back_off(1, 1, 99, 50), "the back-off's factor"),
        (back_off(1, 1, 1001, 50), "the back-off's factor"),
        (back_off(1, 1, 200, 101), "the back-off's jitter"),
        (Wish::LossesMax(0), "losses_max is 0"),
        (Wish::LossesMax(1001), "losses_max is 1001"),
        (Wish::InterruptionsMax(0), "interruptions_max is 0"),
        (Wish::InterruptionsMax(1_000_001), "interruptions_max is"),
    ];
    for (wish, words) in bad {
        let refusal = answer_to(vec![wish]).unwrap_err();
        assert!(refusal.starts_with(words), "{refusal}");
        assert!(refusal.contains("and must be"), "{refusal}");
    }
}

#[test]
fn two_wishes_of_one_kind_contradict_each_other() {
    let twice = vec![
        Wish::LossesMax(1),
        Wish::ExpiresAfter(1),
        Wish::LossesMax(1),
    ];
    let refusal = answer_to(twice).unwrap_err();
    assert_eq!(refusal, "it has two wishes of one kind");
}

#[test]
fn a_moment_and_a_delay_contradict_each_other() {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    let new = NewTask {
        delay: ms(1),
        ..wishing(1, [Wish::RunAt(START)])
    };
    let refusal = world.put(crane, new).unwrap_err();
    assert_eq!(refusal.to_string(), "it has both run_at and a delay");
}

#[test]
fn a_task_runs_at_its_moment_and_is_as_plain_as_one_with_a_delay() {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    let at = START + secs(60);
    assert!(world.put(crane, wishing(1, [Wish::RunAt(at)])).is_ok());
    let past = Wish::RunAt(Timestamp::from_millis(1));
    assert!(world.put(crane, wishing(2, [past])).is_ok());
    assert_eq!(world.task(1).state, State::Scheduled { run_at: at });
    assert_eq!(world.task(1).extras, None);
    assert_eq!(
        (world.task(2).state, world.task(2).ready_at),
        (State::Ready, START)
    );
    world.restart();
    let crane = world.open(2, &node("crane", 1));
    world.pass(secs(60) - ms(1));
    assert_eq!(world.take_all(crane), [2]);
    world.pass(ms(1));
    assert_eq!(world.take_all(crane), [1]);
}

#[test]
fn a_trace_is_a_traceparent() {
    let good = [
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    ];
    for trace in good {
        assert!(
            answer_to(vec![Wish::Trace(trace.into())]).is_ok(),
            "{trace}"
        );
    }
    let bad = [
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
    ];
    for trace in bad {
        assert!(
            answer_to(vec![Wish::Trace(trace.into())]).is_err(),
            "{trace}"
        );
    }
    let long = format!("{}-{}", good[0], "x".repeat(100));
    assert!(answer_to(vec![Wish::Trace(long)]).is_err());
}
