//! What is said of each thing that is wrong, word for word.

use leasehold_hub::{ConfigError, HubConfig};

use super::{complaint, from_env, from_file, from_flag};

/// A file (`|` ends a line), variable or flag with a value that is refused; below it what is said.
const REFUSED_VALUES: &str = r#"
||[session]|silence_after = "1 parsec"
    hub.toml:4: session.silence_after = "1 parsec": {duration}; allowed 1s to 1h
session.silence_after = 10
    hub.toml:1: session.silence_after = 10: {duration}; allowed 1s to 1h
session.silence_after = "10"
    hub.toml:1: session.silence_after = "10": {duration}; allowed 1s to 1h
session.silence_after = "-1s"
    hub.toml:1: session.silence_after = "-1s": {duration}; allowed 1s to 1h
session.silence_after = "1s 1us"
    hub.toml:1: session.silence_after = "1s 1us": a duration is of whole milliseconds;
    allowed 1s to 1h
session.silence_after = "2h"
    hub.toml:1: session.silence_after = "2h": allowed 1s to 1h
session.bytes_max = "64 bananas"
    hub.toml:1: session.bytes_max = "64 bananas": {size}; allowed 64KiB to 64GiB
session.bytes_max = "99999999999TiB"
    hub.toml:1: session.bytes_max = "99999999999TiB": {size}; allowed 64KiB to 64GiB
session.bytes_max = -1
    hub.toml:1: session.bytes_max = -1: {size}; allowed 64KiB to 64GiB
hub.sessions_max = "10"
    hub.toml:1: hub.sessions_max = "10": {count}
hub.sessions_max = 1.5
    hub.toml:1: hub.sessions_max = 1.5: {count}
hub.sessions_max = [1,|2]
    hub.toml:1: hub.sessions_max = [1,…: {count}
hub.sessions_max.min = 1
    hub.toml:1: hub.sessions_max = a section: {count}
hub.sessions_max = 0
    hub.toml:1: hub.sessions_max = 0: allowed 1 to 1000000
hub.sessions_max = -1
    hub.toml:1: hub.sessions_max = -1: allowed 1 to 1000000
hub.sessions_max = 9223372036854775807
    hub.toml:1: hub.sessions_max = 9223372036854775807: allowed 1 to 1000000
hub.listen = 7411
    hub.toml:1: hub.listen = 7411: {address}
hub.listen = "localhost"
    hub.toml:1: hub.listen = "localhost": {address}
store.data = ""
    hub.toml:1: store.data = "": allowed the path of a folder
store.data = 1979-05-27
    hub.toml:1: store.data = 1979-05-27: allowed the path of a folder
store.engine = "postgres"
    hub.toml:1: store.engine = "postgres": allowed "sled", "fjall", "memory"
pools.open = "true"
    hub.toml:1: pools.open = "true": allowed true or false, without quotes
pool_defaults.aging_step = "lax"
    hub.toml:1: pool_defaults.aging_step = "lax": {duration}; allowed 0s to 24h, or "strict"
pool_defaults.payload_bytes_max = "5MiB"
    hub.toml:1: pool_defaults.payload_bytes_max = "5MiB": allowed 0B to 4MiB
[pool.mail]|lease = "1ms"
    hub.toml:2: pool.mail.lease = "1ms": allowed 100ms to 24h
[pool."a.b"]|lease = "1ms"
    hub.toml:2: pool."a.b".lease = "1ms": allowed 100ms to 24h
env LEASEHOLD_LOG_LEVEL=loud|and clear
    LEASEHOLD_LOG_LEVEL: log.level = "loud\nand clear":
    allowed "off", "error", "warn", "info", "debug", "trace"
env LEASEHOLD_HUB_SESSIONS_MAX=
    LEASEHOLD_HUB_SESSIONS_MAX: hub.sessions_max = "": allowed 1 to 1000000
env LEASEHOLD_POOLS_OPEN=yes
    LEASEHOLD_POOLS_OPEN: pools.open = "yes": allowed true or false, without quotes
flag hub.sessions_max=0
    --set: hub.sessions_max = "0": allowed 1 to 1000000
"#;

/// The same for what does not exist.
const UNKNOWN: &str = r#"
[hub]|lisen = 1
    hub.toml:2: hub.lisen: no such key; did you mean hub.listen?
hub.silence_after = 1
    hub.toml:1: hub.silence_after: no such key; did you mean session.silence_after?
hub.colour = 1
    hub.toml:1: hub.colour: no such key; [hub] has listen, open_to_all, sessions_max,
    sessions_per_address_max, address_requests_per_second, address_bytes_per_second,
    handshakes_max, drain_for
hub."a\nb" = 1
    hub.toml:1: hub."a\nb": no such key; [hub] has listen, open_to_all, sessions_max,
    sessions_per_address_max, address_requests_per_second, address_bytes_per_second,
    handshakes_max, drain_for
[pool.mail]|leases = 1
    hub.toml:2: pool.mail.leases: no such key; did you mean pool.mail.lease?
[sesion]
    hub.toml:1: [sesion]: no such section; did you mean [session]?
[weather]|sun = true
    hub.toml:1: [weather]: no such section; there are [hub], [session], [tls], [auth], [store],
    [log], [pools], [pool_defaults], [pool.NAME]
listen = "none"
    hub.toml:1: listen: stands in no section; did you mean hub.listen?
x = 1
    hub.toml:1: x: stands in no section; did you mean section.key?
hub = 5
    hub.toml:1: hub = 5: a section is wanted, [hub]
[[hub]]
    hub.toml:1: hub = [[hub]]: a section is wanted, [hub]
pool = 5
    hub.toml:1: [pool]: a pool has its name in the heading, as in [pool.NAME]
[pool]|lease = "1s"
    hub.toml:2: [pool]: a pool has its name in the heading, as in [pool.NAME]
[pool."a b"]
    hub.toml:1: [pool."a b"]: {pool}, not "a b"
env LEASEHOLD_HUB_LISEN=x
    LEASEHOLD_HUB_LISEN: no such key; did you mean LEASEHOLD_HUB_LISTEN?
env LEASEHOLD_HUB_listen=x
    LEASEHOLD_HUB_listen: no such key; did you mean LEASEHOLD_HUB_LISTEN?
env LEASEHOLD_LOG_WAREHOUSE_OF_DOOM=x
    LEASEHOLD_LOG_WAREHOUSE_OF_DOOM: no such key; [log] has level, format
flag listen=none
    --set: listen: stands in no section; did you mean hub.listen?
flag hub.lisen=none
    --set: hub.lisen: no such key; did you mean hub.listen?
flag hubs.listen=none
    --set: [hubs]: no such section; did you mean [hub]?
flag pool.lease=1s
    --set: [pool]: a pool has its name in the heading, as in [pool.NAME]
flag pool.a b.lease=1s
    --set: [pool."a b"]: {pool}, not "a b"
"#;

/// The same for knobs that contradict each other.
const CONTRADICTIONS: &str = r#"
session.silence_after = "3s"
    hub.toml:1: session.silence_after = "3s" with session.heartbeat = "4s" (default): {silence}
session.heartbeat = "6s"
    hub.toml:1: session.heartbeat = "6s" with session.silence_after = "10s" (default): {silence}
[session]|heartbeat = "6s"|silence_after = "11s"
    hub.toml:3: session.silence_after = "11s" with session.heartbeat = "6s" (hub.toml:2): {silence}
env LEASEHOLD_SESSION_HEARTBEAT=6s
    LEASEHOLD_SESSION_HEARTBEAT: session.heartbeat = "6s" with session.silence_after = "10s"
    (default): {silence}
session.bytes_max = "1MiB"
    hub.toml:1: session.bytes_max = "1MiB" with session.frame_bytes_max = "16MiB" (default):
    bytes_max must be at least frame_bytes_max
hub.address_bytes_per_second = "15MiB"
    hub.toml:1: hub.address_bytes_per_second = "15MiB" with session.frame_bytes_max = "16MiB"
    (default): address_bytes_per_second must be at least frame_bytes_max
pool_defaults.back_off_cap = "500ms"|[pool.a]|[pool.b]
    hub.toml:1: pool_defaults.back_off_cap = "500ms" with pool_defaults.back_off_base = "1s"
    (default): {back_off}
[pool_defaults]|back_off_cap = "5s"|[pool.a]|back_off_base = "6s"
    hub.toml:2: pool.a.back_off_cap = "5s" with pool.a.back_off_base = "6s" (hub.toml:4): {back_off}
pool.a.tasks_max = 10
    hub.toml:1: pool.a.tasks_max = 10 with pool.a.completed_kept_max = 1000000 (default):
    completed_kept_max must be less than tasks_max, or remembered tasks fill the pool
session.frame_bytes_max = "4MiB"|pool.a.payload_bytes_max = "4MiB"
    hub.toml:2: pool.a.payload_bytes_max = "4MiB" with session.frame_bytes_max = "4MiB"
    (hub.toml:1): frame_bytes_max must be at least payload_bytes_max + 64KiB
session.frame_bytes_max = "4MiB"|pool.a.result_bytes_max = "4MiB"
    hub.toml:2: pool.a.result_bytes_max = "4MiB" with session.frame_bytes_max = "4MiB"
    (hub.toml:1): frame_bytes_max must be at least result_bytes_max + 64KiB
[tls]|key = "hub.key"
    hub.toml:2: tls.key = "hub.key" with tls.certificate = "none" (default): certificate and key go
    together
[tls]|certificate = "a"|key = "b"|nodes = "required"
    hub.toml:4: tls.nodes = "required" with tls.nodes_ca = "none" (default): nodes_ca goes together
    with nodes = "optional" or "required"
[tls]|certificate = "a"|key = "b"|nodes_ca = "c"
    hub.toml:4: tls.nodes_ca = "c" with tls.nodes = "none" (default): nodes_ca goes together with
    nodes = "optional" or "required"
[tls]|nodes = "optional"|nodes_ca = "c"
    hub.toml:2: tls.nodes = "optional" with tls.certificate = "none" (default): nodes show
    certificates in TLS only: set certificate and key
[hub]|listen = "0.0.0.0:1"
    hub.toml:2: hub.listen = "0.0.0.0:1" with hub.open_to_all = false (default): other machines
    reach that address: set tls.certificate and tls.key, as docs/TLS.md says, and auth.required =
    true, as docs/SECURITY.md says (or tls.nodes = "required" and tls.nodes_ca), or hub.open_to_all
    = true if whoever reaches it may enqueue, claim and cancel
[hub]|listen = "[fd00::1]:1"|open_to_all = false|[tls]|certificate = "a"|key = "b"
    hub.toml:2: hub.listen = "[fd00::1]:1" with hub.open_to_all = false (hub.toml:3): other machines
    reach that address, and TLS alone keeps nobody out: set auth.required = true, as
    docs/SECURITY.md says, or tls.nodes = "required" and tls.nodes_ca, as docs/TLS.md says, or
    hub.open_to_all = true if whoever reaches it may enqueue, claim and cancel
[hub]|listen = "[fd00::1]:1"|[auth]|required = true
    hub.toml:2: hub.listen = "[fd00::1]:1" with hub.open_to_all = false (default): other machines
    reach that address, and without TLS they read and change what is said: set tls.certificate and
    tls.key, as docs/TLS.md says, or hub.open_to_all = true
env LEASEHOLD_HUB_LISTEN=192.0.2.7:1
    LEASEHOLD_HUB_LISTEN: hub.listen = "192.0.2.7:1" with hub.open_to_all = false (default): other
    machines reach that address: set tls.certificate and tls.key, as docs/TLS.md says, and
    auth.required = true, as docs/SECURITY.md says (or tls.nodes = "required" and tls.nodes_ca), or
    hub.open_to_all = true if whoever reaches it may enqueue, claim and cancel
pools.pools_max = 1|[pool.a]|[pool.b]
    hub.toml:1: pools.pools_max = 1: 2 pools are named, [pool.NAME]
"#;

/// What many messages say.
const PHRASES: [(&str, &str); 7] = [
    (
        "{duration}",
        r#"a duration is a number with a unit, such as "500ms", "10s", "5m""#,
    ),
    (
        "{size}",
        r#"a size is a number with a unit, such as "64KiB", "1MiB", "2GiB""#,
    ),
    (
        "{count}",
        "a whole number is wanted, without quotes; allowed 1 to 1000000",
    ),
    (
        "{address}",
        "allowed an IP address with a port, such as \"127.0.0.1:7411\" or \"[::1]:7411\", \
         or \"none\"",
    ),
    (
        "{pool}",
        "a pool name is 1 to 64 bytes of letters, digits and \"._-\", beginning with a letter \
         or digit",
    ),
    (
        "{silence}",
        "silence_after must be at least twice heartbeat",
    ),
    ("{back_off}", "back_off_cap must be at least back_off_base"),
];

/// The cases of a table: what is given, and what is said.
fn cases(table: &str) -> Vec<(String, String)> {
    let mut cases: Vec<(String, String)> = Vec::new();
    for line in table.lines().filter(|line| !line.is_empty()) {
        match (line.strip_prefix("    "), cases.last_mut()) {
            (Some(said), Some((_, whole))) if whole.is_empty() => whole.push_str(said),
            (Some(said), Some((_, whole))) => *whole = format!("{whole} {said}"),
            (Some(_), None) => panic!("the table begins with an answer"),
            (None, _) => cases.push((line.replace('|', "\n"), String::new())),
        }
    }
    cases
}

fn given(text: &str) -> Result<HubConfig, ConfigError> {
    match text.split_once(' ') {
        Some(("env", assignment)) => {
            let (name, value) = assignment.split_once('=').unwrap();
            from_env(name, value)
        }
        Some(("flag", assignment)) => {
            let (address, value) = assignment.split_once('=').unwrap();
            from_flag(address, value)
        }
        _ => from_file(text),
    }
}

fn assert_told(table: &str) {
    for (text, said) in cases(table) {
        let expected = PHRASES
            .iter()
            .fold(said, |said, (name, phrase)| said.replace(name, phrase));
        assert_eq!(complaint(given(&text)), expected, "{text}");
    }
}

#[test]
fn a_bad_value_is_told_by_place_key_value_and_what_is_allowed() {
    assert_told(REFUSED_VALUES);
}

#[test]
fn what_is_not_known_is_told_with_what_is() {
    assert_told(UNKNOWN);
}

#[test]
fn an_address_that_others_reach_wants_tls_and_nodes_that_prove_who_they_are() {
    let tls = "[tls]|certificate = \"a\"|key = \"b\"|nodes_ca = \"c\"|nodes";
    for sound in [
        "hub.listen = \"127.8.8.8:1\"".to_owned(),
        "hub.listen = \"[::1]:1\"".to_owned(),
        "hub.listen = \"[::ffff:127.0.0.1]:1\"".to_owned(),
        "[hub]|listen = \"0.0.0.0:1\"|open_to_all = true".to_owned(),
        format!("{tls} = \"required\"|[hub]|listen = \"0.0.0.0:1\""),
    ] {
        let text = sound.replace('|', "\n");
        assert!(from_file(&text).is_ok(), "{text}: {:?}", from_file(&text));
    }
    let text = format!("{tls} = \"optional\"|[hub]|listen = \"0.0.0.0:1\"");
    assert!(complaint(from_file(&text.replace('|', "\n"))).contains("TLS alone"));
}

#[test]
fn knobs_that_contradict_each_other_are_told_together() {
    assert_told(CONTRADICTIONS);
}
