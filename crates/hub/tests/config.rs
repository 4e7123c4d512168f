//! What an owner may write, and what is said to one who wrote something else.

#![expect(
    clippy::unwrap_used,
    reason = "a test that unwraps in vain fails, as it should"
)]

#[path = "config/messages.rs"]
mod messages;

use std::{path::Path, time::Duration};

use leasehold_core::{Aging, PoolName, PoolSettings};
use leasehold_hub::{ConfigError, ConfigLayers, Engine, HubConfig, LogFormat, LogLevel, Source};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/hub.toml");

/// Each knob with a value that is not its default, as a file writes it.
const KNOBS: [(&str, &str, &str); 58] = [
    ("hub", "listen", "\"[::1]:7000\""),
    ("hub", "open_to_all", "true"),
    ("hub", "sessions_max", "7"),
    ("hub", "sessions_per_address_max", "3"),
    ("hub", "address_requests_per_second", "5000"),
    ("hub", "address_bytes_per_second", "\"32MiB\""),
    ("hub", "handshakes_max", "1"),
    ("hub", "drain_for", "\"0s\""),
    ("session", "heartbeat", "\"1500ms\""),
    ("session", "silence_after", "\"1h\""),
    ("session", "handshake_within", "\"100ms\""),
    ("session", "requests_max", "1"),
    ("session", "bytes_max", "\"16MiB\""),
    ("session", "requests_per_second", "1000"),
    ("session", "bytes_per_second", "\"1MiB\""),
    ("session", "frame_bytes_max", "\"1088KiB\""),
    ("tls", "certificate", "\"hub.pem\""),
    ("tls", "key", "\"hub.key\""),
    ("tls", "nodes_ca", "\"nodes.pem\""),
    ("tls", "nodes", "\"required\""),
    ("auth", "required", "true"),
    ("auth", "file", "\"/etc/leasehold/tokens.json\""),
    ("store", "engine", "\"memory\""),
    ("store", "data", "\"/var/lib/leasehold\""),
    ("store", "disk_reserve", "\"0B\""),
    ("store", "payload_cache", "\"1GiB\""),
    ("log", "level", "\"trace\""),
    ("log", "format", "\"json\""),
    ("pools", "open", "false"),
    ("pools", "pools_max", "1"),
    ("pool_defaults", "lease", "\"24h\""),
    ("pool_defaults", "attempts_max", "1"),
    ("pool_defaults", "interruptions_max", "1"),
    ("pool_defaults", "losses_max", "1"),
    ("pool_defaults", "suspect_after", "1"),
    ("pool_defaults", "back_off_base", "\"90s\""),
    ("pool_defaults", "back_off_cap", "\"2d\""),
    ("pool_defaults", "back_off_factor_percent", "100"),
    ("pool_defaults", "back_off_jitter_percent", "0"),
    ("pool_defaults", "expires_after", "\"1h\""),
    ("pool_defaults", "max_runtime", "\"100ms\""),
    ("pool_defaults", "cancel_grace", "\"0s\""),
    ("pool_defaults", "aging_step", "\"strict\""),
    ("pool_defaults", "cut_grace", "\"0s\""),
    ("pool_defaults", "restart_grace", "\"1m\""),
    ("pool_defaults", "completed_kept_for", "\"3650d\""),
    ("pool_defaults", "completed_kept_max", "0"),
    ("pool_defaults", "dead_kept_for", "\"1ms\""),
    ("pool_defaults", "tasks_max", "1000001"),
    ("pool_defaults", "bytes_max", "\"1KiB\""),
    ("pool_defaults", "concurrency_max", "3"),
    ("pool_defaults", "group_concurrency_max", "1"),
    ("pool_defaults", "rate", "\"100/1m burst 20\""),
    ("pool_defaults", "group_rate", "\"5/1s\""),
    ("pool_defaults", "fair_share", "true"),
    ("pool_defaults", "payload_bytes_max", "\"4MiB\""),
    ("pool_defaults", "result_bytes_max", "\"1B\""),
    ("pool_defaults", "partitions", "4"),
];

fn from_file(text: &str) -> Result<HubConfig, ConfigError> {
    ConfigLayers::default()
        .file_text(Path::new("hub.toml"), text)
        .build()
}

fn from_env(name: &str, value: &str) -> Result<HubConfig, ConfigError> {
    HubConfig::load(None, [(name.to_owned(), value.to_owned())].into_iter())
}

fn from_flag(address: &str, value: &str) -> Result<HubConfig, ConfigError> {
    ConfigLayers::default()
        .set(address, value, Source::Flag("--set".into()))
        .build()
}

fn complaint(outcome: Result<HubConfig, ConfigError>) -> String {
    outcome.expect_err("refused").to_string()
}

/// What the knobs of a section want beside each other.
fn goes_together(section: &str) -> &'static str {
    match section {
        "tls" => "[tls]\ncertificate = \"c\"\nkey = \"k\"\nnodes_ca = \"n\"\nnodes = \"optional\"",
        _ => "",
    }
}

fn pool(name: &str) -> PoolName {
    PoolName::new(name).unwrap()
}

#[test]
fn the_shipped_file_is_the_annotated_default() {
    let shipped = std::fs::read_to_string(SHIPPED).unwrap();
    let generated = HubConfig::default().annotated();
    assert!(
        shipped == generated,
        "config/hub.toml is not what `leasehold hub --print-config` prints:\n{generated}"
    );
    let read = HubConfig::load(Some(Path::new(SHIPPED)), std::iter::empty());
    assert_eq!(read, Ok(HubConfig::default()));
}

#[test]
fn the_default_is_sound_and_the_cores() {
    let config = HubConfig::default();
    assert_eq!(config.check(), Ok(()));
    assert_eq!(config.pool_defaults, PoolSettings::default());
    assert_eq!(
        config.pool_settings(&pool("any")),
        Some(PoolSettings::default())
    );
    assert_eq!(
        HubConfig::load(None, std::iter::empty()),
        Ok(config.clone())
    );
    assert_eq!(from_file(""), Ok(config));
}

#[test]
fn every_knob_is_set_alike_by_file_environment_and_flag() {
    for (section, key, literal) in KNOBS {
        let value = literal.trim_matches('"');
        let under = || {
            let mut layers = ConfigLayers::default();
            layers.file_text(Path::new("under.toml"), goes_together(section));
            layers
        };
        let text = format!("[{section}]\n{key} = {literal}");
        let file = under().file_text(Path::new("hub.toml"), &text).build();
        let file = file.unwrap();
        let variable = format!("LEASEHOLD_{section}_{key}").to_uppercase();
        let variables = [(variable.clone(), value.to_owned())].into_iter();
        let env = under().env(variables).build();
        assert_eq!(env.as_ref(), Ok(&file), "{variable}");
        let flag = Source::Flag("--set".into());
        let flag = under()
            .set(&format!("{section}.{key}"), value, flag)
            .build();
        assert_eq!(flag.as_ref(), Ok(&file), "{key}");
        assert_ne!(under().build().as_ref(), Ok(&file), "{section}.{key}");
        assert_ne!(file, HubConfig::default(), "{section}.{key}");
        let text = file.annotated();
        assert!(
            text.contains(&format!("\n{key} = {literal}\n")),
            "{section}.{key}:\n{text}"
        );
        assert_eq!(from_file(&text), Ok(file), "{text}");
    }
}

#[test]
fn the_table_above_has_every_knob() {
    let text = HubConfig::default().annotated();
    let is_knob = |line: &&str| !line.starts_with(['#', '[']) && !line.is_empty();
    let keys: Vec<&str> = text.lines().filter(is_knob).collect();
    assert_eq!(keys.len(), KNOBS.len());
    for ((_, key, _), line) in KNOBS.iter().zip(keys) {
        assert!(line.starts_with(&format!("{key} = ")), "{line}");
        assert!(
            text.contains(&format!("_{}\n{key} = ", key.to_uppercase())),
            "{key}"
        );
    }
}

#[test]
fn values_mean_what_they_say() {
    let config = from_file(
        r#"
        hub.listen = "none"
        [store]
        engine = "memory"
        disk_reserve = 0
        payload_cache = "1_000 kib"
        [log]
        level = "warn"
        format = "json"
        [pool_defaults]
        lease = "1m 30s"
        aging_step = "0s"
        attempts_max = 0x10
        tasks_max = 2_000_000
        "#,
    )
    .unwrap();
    assert_eq!(config.hub.listen, None);
    assert_eq!(config.store.engine, Engine::Memory);
    assert_eq!(config.store.disk_reserve, 0);
    assert_eq!(config.store.payload_cache, 1_024_000);
    assert_eq!(
        (config.log.level, config.log.format),
        (LogLevel::Warn, LogFormat::Json)
    );
    assert_eq!(config.log.level.as_str(), "warn");
    assert_eq!(config.pool_defaults.lease, Duration::from_secs(90));
    assert_eq!(config.pool_defaults.aging, Aging::Step(Duration::ZERO));
    assert_eq!(config.pool_defaults.attempts_max, 16);
    assert_eq!(config.pool_defaults.tasks_max, 2_000_000);
}

#[test]
fn later_layers_win() {
    let mut layers = ConfigLayers::default();
    layers.file_text(
        Path::new("hub.toml"),
        "[hub]\nsessions_max = 1\ndrain_for = \"1s\"\nlisten = \"none\"",
    );
    let variables = [
        ("LEASEHOLD_HUB_SESSIONS_MAX", "2"),
        ("LEASEHOLD_HUB_DRAIN_FOR", "2s"),
    ];
    layers.env(
        variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
    layers.set(
        "hub.sessions_max",
        "3",
        Source::Flag("--sessions-max".into()),
    );
    let hub = layers.build().unwrap().hub;
    assert_eq!(
        (hub.sessions_max, hub.drain_for, hub.listen),
        (3, Duration::from_secs(2), None)
    );
}

#[test]
fn a_named_pool_has_from_the_defaults_what_it_does_not_say() {
    let text = r#"
        [pool.mail]
        lease = "1m"
        [pool."mail.urgent"]
        [pool_defaults]
        lease = "10s"
        attempts_max = 2
        [pools]
        open = false
        "#;
    let mut layers = ConfigLayers::default();
    layers.file_text(Path::new("hub.toml"), text);
    let variables = [("LEASEHOLD_POOL_DEFAULTS_ATTEMPTS_MAX".into(), "9".into())];
    layers.env(variables.into_iter());
    layers.set(
        "pool.mail.urgent.cut_grace",
        "1s",
        Source::Flag("--set".into()),
    );
    let config = layers.build().unwrap();
    let defaults = PoolSettings {
        lease: Duration::from_secs(10),
        attempts_max: 9,
        ..Default::default()
    };
    let mail = PoolSettings {
        lease: Duration::from_secs(60),
        ..defaults.clone()
    };
    let urgent = PoolSettings {
        cut_grace: Duration::from_secs(1),
        ..defaults
    };
    assert_eq!(config.pool_settings(&pool("mail")), Some(mail));
    assert_eq!(config.pool_settings(&pool("mail.urgent")), Some(urgent));
    assert_eq!(config.pool_settings(&pool("other")), None);
    assert_eq!(from_file(&config.annotated()), Ok(config));
}

#[test]
fn variables_of_no_section_are_not_looked_at() {
    for name in [
        "LEASEHOLD_HUB",
        "LEASEHOLD_LOG",
        "LEASEHOLD_TASK_ID",
        "LEASEHOLD_POOL",
        "LEASEHOLD_ATTEMPT",
        "LEASEHOLD_LEASE",
        "LEASEHOLD_NODE",
        "LEASEHOLD_NODE_TLS_CA",
        "LEASEHOLD_NODE_TLS_KEY",
        "LEASEHOLD_",
        "HUB_LISTEN",
        "PATH",
        "",
    ] {
        assert_eq!(
            from_env(name, "whatever"),
            Ok(HubConfig::default()),
            "{name}"
        );
    }
}

#[test]
fn a_later_layer_mends_a_contradiction() {
    let mut layers = ConfigLayers::default();
    layers.file_text(Path::new("hub.toml"), "session.heartbeat = \"6s\"");
    assert!(layers.build().is_err());
    layers.set("session.silence_after", "12s", Source::Flag("--set".into()));
    assert_eq!(
        layers.build().unwrap().session.silence_after,
        Duration::from_secs(12)
    );
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_their_sources() {
    let text = "[session]\nheartbeat = \"6s\"\nsilence_after = \"5h\"\n[hub]\nlisten = 1\n\
                lisen = 2\n\
                [pool_defaults]\nback_off_cap = \"1ms\"\n";
    let mut layers = ConfigLayers::default();
    layers.set("hub.drain_for", "x", Source::Flag("--drain-for".into()));
    layers.env([("LEASEHOLD_STORE_ENGIN".into(), "x".into())].into_iter());
    layers.file_text(Path::new("hub.toml"), text);
    let error = layers.build().unwrap_err();
    let told = error.to_string();
    let places: Vec<&str> = told
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    let expected = [
        "hub.toml:3",
        "hub.toml:5",
        "hub.toml:6",
        "hub.toml:8",
        "LEASEHOLD_STORE_ENGIN",
        "--drain-for",
    ];
    assert_eq!(places, expected, "{told}");
    let sources: Vec<String> = error
        .problems()
        .iter()
        .map(|p| p.source().to_string())
        .collect();
    assert_eq!(sources, expected);
}

#[test]
fn a_file_that_cannot_be_read_or_is_no_toml_is_told() {
    let missing = HubConfig::load(Some(Path::new("no/such/hub.toml")), std::iter::empty());
    let told = complaint(missing);
    assert!(
        told.starts_with("no/such/hub.toml: cannot be read: "),
        "{told}"
    );
    let told = complaint(from_file("[hub]\nlisten = \"none\"\nlisten = \"none\""));
    assert_eq!(told, "hub.toml:3: no TOML: duplicate key");
    let told = complaint(from_file("[hub]\nsessions_max = = 3\n\n[log\nlevel = 1"));
    assert!(
        told.lines().all(|line| line.contains(": no TOML: ")),
        "{told}"
    );
    assert!(
        told.contains("hub.toml:2: ") && told.contains("hub.toml:4: "),
        "{told}"
    );
}

#[test]
fn what_is_put_together_in_code_is_held_to_the_same_bounds() {
    let mut config = HubConfig::default();
    config.session.silence_after = Duration::from_secs(3);
    assert_eq!(
        config.check().unwrap_err().to_string(),
        "session.silence_after = \"3s\" with session.heartbeat = \"4s\": \
         silence_after must be at least twice heartbeat"
    );
    config.session = HubConfig::default().session;
    config.pools.pools_max = 1;
    config.pool = [pool("a"), pool("b")]
        .map(|name| (name, PoolSettings::default()))
        .into();
    assert_eq!(
        config.check().unwrap_err().to_string(),
        "pools.pools_max = 1: 2 pools are named, [pool.NAME]"
    );
    config.pool.clear();
    config.session.heartbeat = Duration::from_nanos(1);
    config.store.data = "".into();
    let mail = PoolSettings {
        lease: Duration::from_micros(1500),
        ..Default::default()
    };
    config.pool.insert(pool("mail"), mail);
    assert_eq!(
        config.check().unwrap_err().to_string(),
        "session.heartbeat = \"1ns\": a duration is of whole milliseconds; allowed 100ms to 1m\n\
         store.data = \"\": allowed the path of a folder\n\
         pool.mail.lease = \"1ms 500us\": a duration is of whole milliseconds; allowed 100ms to 24h"
    );
}

/// Texts that are no TOML, or odd TOML.
#[rustfmt::skip]
const ODD: &[&str] = &[
    "\u{feff}", "\0", "=", "[", "]", "[]", "[[]]", "[.]", "[hub", "[hub]]", "[hub.]",
    "[[hub]]\n[hub]", "[hub]\n[hub]", "hub", "hub =", "hub = {", "hub = {}", "hub = {listen}",
    "hub.listen = '''", "hub.listen = \"\\uD800\"", "hub.listen = \"\u{1F980}\"", "\u{1F980} = 1",
    "\"\" = 1", "\"\".\"\" = {}", "hub.\"\" = 1", "pool.\"\" = {}", "pool.\"\".lease = 1",
    "[pool.a.b]", "[pool.a]\nlease.x = 1", "[[pool.a]]", "pool = []",
    "hub.sessions_max = 99999999999999999999999999999999999999999999", "hub.sessions_max = 0x",
    "hub.sessions_max = 0xFFFFFFFFFFFFFFFF", "hub.sessions_max = +1_0", "hub.sessions_max = nan",
    "session.heartbeat = \"99999999999999999999y\"", "session.heartbeat = \"\u{b5}s\"",
    "session.bytes_max = \"\"", "session.heartbeat = \"18446744073709551615s\"",
    "session.bytes_max = \"18446744073709551615B\"", "session.bytes_max = \"KiB\"",
    "session.bytes_max = \"1\u{e9}B\"", "session.bytes_max = \"_\"", "store.data = \"\\u0000\"",
    "store.data = '''\nx\ny'''", "log.level = 2026-01-01T00:00:00Z", "a.b.c.d.e.f = 1",
    "# only a comment", "\r\n\r\n[hub]\r\nlisten = 1\r\n", "\r", "[hub]\nlisten = [[[[1]]]]",
];

#[test]
fn no_text_makes_it_panic() {
    for text in ODD {
        let _ = from_file(text);
        let _ = from_env("LEASEHOLD_HUB_LISTEN", text);
        let _ = from_env(&format!("LEASEHOLD_HUB_{text}"), text);
        let _ = from_flag(text, text);
        let _ = from_flag("session.bytes_max", text);
        let _ = from_flag("session.heartbeat", text);
        let _ = from_flag(&format!("pool.{text}.lease"), text);
    }
    let _ = from_file(&"[".repeat(100_000));
    let _ = from_file(&format!("hub.listen = {}", "[".repeat(100_000)));
    let _ = from_file(&format!("{} = 1", vec!["a"; 10_000].join(".")));
}

#[test]
fn every_problem_is_one_line() {
    let shipped = HubConfig::default().annotated();
    for (at, _) in shipped.char_indices().step_by(41) {
        for noise in ["\"", "\n", "=", "\u{1F980}"] {
            let text = format!("{}{noise}{}", &shipped[..at], &shipped[at..]);
            if let Err(error) = from_file(&text) {
                assert_eq!(
                    error.to_string().lines().count(),
                    error.problems().len(),
                    "{error}"
                );
            }
        }
    }
}
