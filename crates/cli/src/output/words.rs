//! Numbers and bytes as people read them.

use std::time::{Duration, UNIX_EPOCH};

/// The longest text that is shown on a line.
const LINE_CHARS_MAX: usize = 200;

/// The latest moment that has a name, in milliseconds since 1970.
const NAMED_MS_MAX: u64 = 253_402_300_799_999;

const SECOND_MS: u64 = 1000;

/// Units of a duration: its letter, its milliseconds.
const UNITS: [(&str, u64); 4] = [
    ("d", 24 * 3600 * SECOND_MS),
    ("h", 3600 * SECOND_MS),
    ("m", 60 * SECOND_MS),
    ("s", SECOND_MS),
];

/// A duration in its two largest units, such as `3m 12s`; below a second `120ms`.
pub(crate) fn span(ms: u64) -> String {
    let Some(first) = UNITS.iter().position(|(_, unit)| ms >= *unit) else {
        return format!("{ms}ms");
    };
    let (name, unit) = UNITS[first];
    let whole = format!("{}{name}", ms / unit);
    match UNITS.get(first + 1) {
        Some((name, smaller)) => format!("{whole} {}{name}", ms % unit / smaller),
        None => whole,
    }
}

/// A moment of the hub's clock in UTC, to the second.
pub(crate) fn moment(at_ms: u64) -> String {
    let at = UNIX_EPOCH + Duration::from_millis(at_ms.min(NAMED_MS_MAX));
    let text = humantime::format_rfc3339_seconds(at).to_string();
    text.replace('T', " ").replace('Z', "")
}

/// A size, such as `1.4 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let step = (bytes.ilog2() / 10) as usize;
    let tenths = u128::from(bytes) * 10 / (1u128 << (10 * step));
    format!("{}.{} {}", tenths / 10, tenths % 10, units[step - 1])
}

/// A number with its noun.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// What is there, or a dash.
pub(crate) fn or_dash(text: Option<impl ToString>) -> String {
    text.map_or_else(|| "-".into(), |text| text.to_string())
}

/// The text on one line, of bounded length, with nothing that a terminal would act upon.
pub(crate) fn one_line(text: &str) -> String {
    let mut line: String = text
        .trim_end()
        .chars()
        .take(LINE_CHARS_MAX)
        .map(|c| if c == '\n' || c == '\t' { ' ' } else { c })
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.trim_end().chars().nth(LINE_CHARS_MAX).is_some() {
        line.push('…');
    }
    line
}

/// Bytes as text on one line; of bytes that are no text only the length.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let length = size(bytes.len() as u64);
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().nth(LINE_CHARS_MAX).is_some() => {
            format!("{} ({length})", one_line(text))
        }
        Ok(text) => one_line(text),
        Err(_) => format!("({length} that are no text)"),
    }
}

#[cfg(test)]
mod tests;
