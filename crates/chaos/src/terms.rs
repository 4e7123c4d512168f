//! What the hub promises, as it tells itself: `hub --print-config`.

use leasehold_judge::Terms;
use toml::{Table, Value};

/// What this configuration promises. What it does not say is as by default.
pub(crate) fn read(config: &str) -> Result<Terms, String> {
    let config: Table = config
        .parse()
        .map_err(|error: toml::de::Error| error.to_string())?;
    let section = |name: &str| config.get(name).and_then(Value::as_table);
    let (session, pool) = (section("session"), section("pool_defaults"));
    let mut terms = Terms::default();
    if let Some(silence) = session.and_then(|of| millis(of, "silence_after")) {
        terms.silence_after_ms = silence;
    }
    let Some(pool) = pool else { return Ok(terms) };
    if let Some(grace) = millis(pool, "cut_grace") {
        terms.cut_grace_ms = grace;
    }
    terms.aging_step_ms = match pool.get("aging_step").and_then(Value::as_str) {
        Some("strict") => None,
        Some(_) => millis(pool, "aging_step"),
        None => terms.aging_step_ms,
    };
    for (knob, bound) in [
        ("attempts_max", &mut terms.attempts_max),
        ("losses_max", &mut terms.losses_max),
        ("interruptions_max", &mut terms.interruptions_max),
        ("suspect_after", &mut terms.suspect_after),
    ] {
        let set = pool.get(knob).and_then(Value::as_integer);
        if let Some(set) = set.and_then(|set| u32::try_from(set).ok()) {
            *bound = set;
        }
    }
    terms.back_off_least_ms = back_off_least(pool).unwrap_or(terms.back_off_least_ms);
    terms.is_plain_order = is_plain(pool);
    Ok(terms)
}

/// What of the first wait is not drawn.
fn back_off_least(pool: &Table) -> Option<u64> {
    let jitter = pool.get("back_off_jitter_percent")?.as_integer()?;
    let jitter = u64::try_from(jitter).ok()?;
    let first = millis(pool, "back_off_base")?.min(millis(pool, "back_off_cap")?);
    Some(first * 100_u64.saturating_sub(jitter) / 100)
}

fn millis(of: &Table, knob: &str) -> Option<u64> {
    let text = of.get(knob)?.as_str()?;
    let duration = humantime::parse_duration(text).ok()?;
    u64::try_from(duration.as_millis()).ok()
}

/// Whether nothing but priority and age decides who is next.
fn is_plain(pool: &Table) -> bool {
    let limits = [
        "concurrency_max",
        "group_concurrency_max",
        "rate",
        "group_rate",
    ];
    let is_none = |knob: &&str| match pool.get(*knob) {
        None => true,
        Some(value) => value.as_str() == Some("none"),
    };
    let is_one = pool
        .get("partitions")
        .is_none_or(|of| of.as_integer() == Some(1));
    let is_shared = pool.get("fair_share").and_then(Value::as_bool) == Some(true);
    limits.iter().all(is_none) && is_one && !is_shared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_configuration_promises_is_read() {
        let terms = read(
            "[session]\nsilence_after = \"2s\"\n[pool_defaults]\ncut_grace = \"100ms\"\n\
             aging_step = \"strict\"\nlosses_max = 9\nrate = \"none\"\nback_off_base = \"200ms\"\n\
             back_off_cap = \"1s\"\nback_off_jitter_percent = 25\n",
        )
        .unwrap();
        assert_eq!((terms.silence_after_ms, terms.cut_grace_ms), (2_000, 100));
        assert_eq!((terms.aging_step_ms, terms.losses_max), (None, 9));
        assert_eq!(terms.back_off_least_ms, 150);
        assert!(terms.is_plain_order);
        assert_eq!(terms.attempts_max, Terms::default().attempts_max);
        let limited = read("[pool_defaults]\nrate = \"1/1s\"\n").unwrap();
        assert!(!limited.is_plain_order);
    }
}
