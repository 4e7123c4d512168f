//! Targets of words: what people write.

use std::{
    fmt::{Debug, Display},
    path::Path,
    str::{FromStr, from_utf8},
};

use leasehold_core::{LeaseId, NodeName, PoolName, ScheduleName, TaskId, Timestamp, When};
use leasehold_hub::{ConfigLayers, HubConfig, Source, fuzzing};

/// A knob of each kind of value: an address, a duration, a size, a number, a truth, a choice, a
/// folder, a step of aging, a rate, and those that need not be there.
const KNOBS: [&str; 14] = [
    "hub.listen",
    "hub.drain_for",
    "session.silence_after",
    "store.disk_reserve",
    "store.payload_cache",
    "store.engine",
    "store.data",
    "pools.open",
    "pools.pools_max",
    "pool_defaults.aging_step",
    "pool_defaults.expires_after",
    "pool_defaults.bytes_max",
    "pool_defaults.rate",
    "pool.mail.group_rate",
];

/// A file of a hub's configuration: what is taken is written so that it is taken again as the same.
pub fn config(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    let mut layers = ConfigLayers::default();
    layers.file_text(Path::new("hub.toml"), text);
    check(&layers);
}

/// One knob, as a flag sets it: the first byte says which.
pub fn knobs(bytes: &[u8]) {
    let Some((which, value)) = bytes.split_first() else {
        return;
    };
    let Ok(value) = from_utf8(value) else { return };
    let address = KNOBS[usize::from(*which) % KNOBS.len()];
    let mut layers = ConfigLayers::default();
    layers.set(address, value, Source::Flag("--set".into()));
    check(&layers);
}

fn check(layers: &ConfigLayers) {
    match layers.build() {
        Ok(config) => {
            config.check().expect("it was built within bounds");
            assert_eq!(reread(&config.annotated()), config);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn reread(text: &str) -> HubConfig {
    let mut layers = ConfigLayers::default();
    layers.file_text(Path::new("hub.toml"), text);
    layers
        .build()
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A schedule: five bytes of when it last fired, four of how long ago that is, both in seconds, and
/// a line of a cron expression and one of a time zone; or two lines of numbers of an interval.
pub fn schedules(bytes: &[u8]) {
    let Some((times, text)) = bytes.split_first_chunk::<9>() else {
        return;
    };
    let Some((first, second)) = from_utf8(text).ok().and_then(|text| text.split_once('\n')) else {
        return;
    };
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let seconds = |count: u64| Timestamp::from_millis(count.saturating_mul(1000));
    // To about the year 10,000, before which all calendars end.
    let done_until = number(&times[..5]) % 260_000_000_000;
    let now = done_until + number(&times[5..]);
    let when = match (first.parse(), second.parse()) {
        (Ok(ms), Ok(from)) => When::Every {
            ms,
            from: Timestamp::from_millis(from),
        },
        _ => When::Cron {
            expr: first.into(),
            zone: second.into(),
        },
    };
    if let Err(refusal) = fuzzing::schedule(&when, seconds(done_until), seconds(now)) {
        assert!(!refusal.to_string().is_empty());
    }
}

/// Ids and names: what is read is shown as something that is read as the same.
pub fn names(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    again::<TaskId>(text);
    again::<LeaseId>(text);
    again::<NodeName>(text);
    again::<ScheduleName>(text);
    if let Some(name) = again::<PoolName>(text) {
        assert_eq!(name.parts(), None, "nobody can say a part");
        assert_eq!(name.numbered(7).parts(), Some((name, 7)));
    }
}

fn again<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    match text.parse::<T>() {
        Ok(read) => {
            let shown = read.to_string();
            let same = shown.parse::<T>().map_err(|error| error.to_string());
            assert_eq!(same.as_ref(), Ok(&read), "{text:?} is shown as {shown:?}");
            Some(read)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}
