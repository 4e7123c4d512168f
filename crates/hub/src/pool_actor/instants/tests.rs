use leasehold_core::{ScheduleName, TaskId};

use super::*;

fn at(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(at.as_millisecond().try_into().unwrap())
}

fn text(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap();
    jiff::Timestamp::from_millisecond(millis)
        .unwrap()
        .to_string()
}

fn cron(expr: &str, zone: &str) -> When {
    let (expr, zone) = (expr.into(), zone.into());
    When::Cron { expr, zone }
}

fn every(ms: u64, from: &str) -> When {
    let from = at(from);
    When::Every { ms, from }
}

/// The next ones after a moment.
fn next(when: &When, after: &str, most: usize) -> Vec<String> {
    let instants = Instants::of(when, at(after)).unwrap();
    instants
        .next(at(after), most)
        .into_iter()
        .map(text)
        .collect()
}

fn due(when: When, done_until: &str, now: &str) -> (Vec<String>, bool, Option<String>) {
    let spec = leasehold_wire::ScheduleSpec {
        name: ScheduleName::new("s").unwrap(),
        seed: TaskId::from_u128(1),
        when,
        misfire: leasehold_core::Misfire::All,
        priority: 0,
        attempts_max: None,
        wishes: vec![],
        payload: bytes::Bytes::new(),
        paused: false,
    };
    let mut schedule = super::super::schedules::schedule(spec);
    schedule.done_until = at(done_until);
    let plan = plan(&schedule, at(now));
    let due = plan.due.into_iter().map(text).collect();
    (due, plan.more, plan.next.map(text))
}

fn refused(when: &When) -> String {
    match Instants::of(when, at("2026-01-01T00:00:00Z")) {
        Err(Rejection::Invalid(why)) => why,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it is accepted"),
    }
}

#[test]
fn five_fields_are_by_the_minute_and_six_by_the_second() {
    let five = next(&cron("*/20 4 * * *", "UTC"), "2026-03-01T04:20:00Z", 2);
    assert_eq!(five, ["2026-03-01T04:40:00Z", "2026-03-02T04:00:00Z"]);
    let six = next(&cron("30 0 0 * * *", "UTC"), "2026-03-01T00:00:00Z", 1);
    assert_eq!(six, ["2026-03-01T00:00:30Z"]);
}

#[test]
fn of_two_day_fields_either_is_enough_and_seven_is_sunday() {
    let found = next(&cron("0 0 13 * 7", "UTC"), "2026-03-08T00:00:00Z", 2);
    assert_eq!(found, ["2026-03-13T00:00:00Z", "2026-03-15T00:00:00Z"]);
}

#[test]
fn a_leap_day_comes_in_leap_years() {
    let found = next(&cron("0 0 29 2 *", "UTC"), "2026-03-01T00:00:00Z", 2);
    assert_eq!(found, ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]);
}

#[test]
fn a_time_that_a_clock_leaves_out_comes_when_the_gap_ends() {
    // At 02:00 of 29 March 2026 the clocks of Vienna show 03:00.
    let fixed = cron("30 2 * * *", "Europe/Vienna");
    let found = next(&fixed, "2026-03-28T12:00:00Z", 2);
    assert_eq!(found, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    // At 02:00 of 8 March 2026 those of New York do.
    let fixed = cron("30 2 * * *", "America/New_York");
    let found = next(&fixed, "2026-03-07T12:00:00Z", 2);
    assert_eq!(found, ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]);
}

#[test]
fn a_time_that_a_clock_shows_twice_comes_once() {
    // At 03:00 of 25 October 2026 the clocks of Vienna show 02:00 again.
    let fixed = cron("30 2 * * *", "Europe/Vienna");
    let found = next(&fixed, "2026-10-24T12:00:00Z", 2);
    assert_eq!(found, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    let fixed = cron("30 1 * * *", "America/New_York");
    let found = next(&fixed, "2026-10-31T12:00:00Z", 2);
    assert_eq!(found, ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
    let (due, more, _) = due(
        cron("30 2 * * *", "Europe/Vienna"),
        "2026-10-24T12:00:00Z",
        "2026-10-25T12:00:00Z",
    );
    assert_eq!(
        (due.as_slice(), more),
        (&["2026-10-25T00:30:00Z".to_owned()][..], false)
    );
}

#[test]
fn clocks_show_their_zones_time() {
    let shown = |zone, moment| clock_time(zone, at(moment));
    let vienna = shown("Europe/Vienna", "2026-11-24T03:30:00Z");
    assert_eq!(vienna.as_deref(), Some("2026-11-24 04:30:00 CET"));
    let summer = shown("Europe/Vienna", "2026-07-01T02:30:00Z");
    assert_eq!(summer.as_deref(), Some("2026-07-01 04:30:00 CEST"));
    assert_eq!(shown("Europe/Viena", "2026-07-01T02:30:00Z"), None);
}

#[test]
fn an_interval_keeps_its_step_whenever_it_is_looked_at() {
    let when = every(90_000, "2026-03-01T00:00:00Z");
    let found = next(&when, "2026-03-01T00:02:00Z", 2);
    assert_eq!(found, ["2026-03-01T00:03:00Z", "2026-03-01T00:04:30Z"]);
    let before = next(&when, "2026-02-01T00:00:00Z", 1);
    assert_eq!(before, ["2026-03-01T00:00:00Z"]);
}

#[test]
fn what_is_due_is_after_what_is_dealt_with_and_not_after_now() {
    let minutely = || every(60_000, "2026-03-01T00:00:00Z");
    let (found, more, next) = due(minutely(), "2026-03-01T00:01:00Z", "2026-03-01T00:03:00Z");
    assert_eq!(found, ["2026-03-01T00:02:00Z", "2026-03-01T00:03:00Z"]);
    assert_eq!(
        (more, next.as_deref()),
        (false, Some("2026-03-01T00:04:00Z"))
    );
    let nothing = due(minutely(), "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z");
    assert_eq!(
        nothing,
        (vec![], false, Some("2026-03-01T00:00:00Z".into()))
    );
    let hourly = cron("0 * * * *", "UTC");
    let (found, more, _) = due(hourly, "2026-03-01T00:00:00Z", "2026-03-01T02:59:00Z");
    assert_eq!(
        (found, more),
        (
            vec!["2026-03-01T01:00:00Z".into(), "2026-03-01T02:00:00Z".into()],
            false
        )
    );
}

#[test]
fn only_the_newest_thousand_are_looked_at() {
    for when in [
        every(1000, "2026-03-01T00:00:00Z"),
        cron("* * * * * *", "UTC"),
    ] {
        let (found, more, _) = due(when, "2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z");
        assert_eq!((found.len(), more), (CATCH_UP_MAX, true));
        assert_eq!(found.last().unwrap(), "2026-03-01T01:00:00Z");
        assert!(found.is_sorted());
    }
}

#[test]
fn what_is_no_expression_or_no_zone_or_never_comes_is_refused() {
    let zones = |zone| refused(&cron("0 0 * * *", zone));
    assert!(refused(&cron("every day", "UTC")).contains("five fields"));
    assert!(refused(&cron("0 0 * * * * 2030", "UTC")).contains("is none"));
    assert!(refused(&cron(&"1,".repeat(300), "UTC")).contains("256 bytes"));
    assert!(refused(&cron("0 0 30 2 *", "UTC")).contains("never comes"));
    assert!(
        zones("Europe/Viena").contains("Europe/Vienna"),
        "{}",
        zones("Europe/Viena")
    );
    assert!(zones("").contains("IANA"));
}

/// Found by fuzzing: a minute that is none of any was looked for in each hour until the year 5000,
/// for a minute of the pool's time.
#[test]
fn a_list_with_nothing_beside_a_comma_is_refused_before_it_is_looked_for() {
    for expr in [
        ", * * * *",
        "* , * * * *",
        "0 , * * *",
        "1, * * * *",
        "0 0 ,1 * *",
        "0 0 1,,2 * *",
    ] {
        let why = refused(&cron(expr, "UTC"));
        assert!(why.contains("comma"), "{expr}: {why}");
    }
}

/// A hub looks forward from whenever it planned, and back from whenever it comes to it: it is to
/// find the same instants, or one would be lost, or come twice, when clocks change.
#[test]
fn the_same_instants_are_found_from_wherever_one_looks() {
    const CHANGES: [(&str, [&str; 2]); 5] = [
        (
            "Europe/Vienna",
            ["2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"],
        ),
        (
            "Europe/Dublin",
            ["2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"],
        ),
        (
            "America/New_York",
            ["2026-03-08T00:00:00Z", "2026-11-01T00:00:00Z"],
        ),
        (
            "America/Havana",
            ["2026-03-08T00:00:00Z", "2026-11-01T00:00:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            ["2026-10-03T08:00:00Z", "2026-04-04T08:00:00Z"],
        ),
    ];
    const EXPRS: [&str; 11] = [
        "30 2 * * *",
        "30 1 * * *",
        "0 0 * * *",
        "15 0 * * *",
        "45 1,2,3 * * *",
        "15 2,3 * * SUN",
        "0 * * * *",
        "*/20 * * * *",
        "5-59/25 0-4 * * *",
        "0 0 2 29 2,3,4 *",
        "30 30 */2 * * *",
    ];
    let places = CHANGES
        .iter()
        .flat_map(|(zone, at)| at.map(|at| (*zone, at)));
    for ((zone, begin), expr) in places.flat_map(|of| EXPRS.map(|expr| (of, expr))) {
        let begin = at(begin);
        let instants = Instants::of(&cron(expr, zone), begin).unwrap();
        let end = begin + Duration::from_secs(18 * 3600);
        let mut all = instants.next(begin, 60);
        all.retain(|at| *at <= end);
        let mut now = begin;
        while now < end {
            let past = all.partition_point(|at| *at <= now);
            let next = instants.after(now).filter(|at| *at <= end);
            let what = format!("{zone} {expr} at {}", text(now));
            assert_eq!(next, all.get(past).copied(), "{what}");
            assert_eq!(instants.due(begin, now).0, all[..past], "{what}");
            now = now + Duration::from_secs(1260);
        }
    }
}
