//! The kinds of values: how each is written, and its bounds.

mod optional;
mod rate;
mod tokens_file;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use leasehold_core::Aging;

pub(super) use self::{optional::Optional, rate::RateKind, tokens_file::TokensFile};
use super::knob::{Kind, Raw};

/// What stands for "no address".
const NO_ADDRESS: &str = "none";

/// What stands for [`Aging::Strict`].
const STRICT: &str = "strict";

/// Units of a size, the largest first.
const SIZE_UNITS: [(&str, u64); 5] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// Units of a duration in milliseconds with the least number that is written in them, the largest
/// first. A day is written as 24h.
const DURATION_UNITS: [(&str, u128, u128); 5] = [
    ("d", 24 * 3_600_000, 2),
    ("h", 3_600_000, 1),
    ("m", 60_000, 1),
    ("s", 1000, 0),
    ("ms", 1, 0),
];

impl Raw {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Plain(text) => Some(text),
            Self::Number(_) | Self::Truth(_) | Self::Other => None,
        }
    }

    fn number(&self) -> Option<&str> {
        match self {
            Self::Number(text) | Self::Plain(text) => Some(text),
            Self::Text(_) | Self::Truth(_) | Self::Other => None,
        }
    }

    fn truth(&self) -> Option<&str> {
        match self {
            Self::Truth(text) | Self::Plain(text) => Some(text),
            Self::Text(_) | Self::Number(_) | Self::Other => None,
        }
    }
}

/// A duration of whole milliseconds between these bounds.
pub(super) struct Span {
    pub(super) min: Duration,
    pub(super) max: Duration,
}

impl Kind<Duration> for Span {
    fn read(&self, raw: &Raw) -> Result<Duration, String> {
        let parsed = raw
            .text()
            .and_then(|text| humantime::parse_duration(text).ok());
        let refusal = match parsed {
            None => "a duration is a number with a unit, such as \"500ms\", \"10s\", \"5m\"; ",
            Some(span) if !is_whole_ms(span) => "a duration is of whole milliseconds; ",
            Some(span) if (self.min..=self.max).contains(&span) => return Ok(span),
            Some(_) => "",
        };
        Err(format!("{refusal}{}", self.allowed()))
    }

    fn show(&self, value: &Duration) -> String {
        duration(*value)
    }

    fn allowed(&self) -> String {
        format!("allowed {} to {}", duration(self.min), duration(self.max))
    }

    fn is_quoted(&self, _: &Duration) -> bool {
        true
    }
}

const fn is_whole_ms(span: Duration) -> bool {
    span.subsec_nanos().is_multiple_of(1_000_000)
}

/// A duration in the largest unit that divides it.
fn duration(span: Duration) -> String {
    if !is_whole_ms(span) {
        return humantime::format_duration(span).to_string();
    }
    let ms = span.as_millis();
    let exact = DURATION_UNITS
        .iter()
        .find(|(_, unit, min)| ms.is_multiple_of(*unit) && ms / unit >= *min);
    exact.map_or_else(
        || format!("{ms}ms"),
        |(name, unit, _)| format!("{}{name}", ms / unit),
    )
}

/// An aging step between zero and `max`, or none.
pub(super) struct AgingStep {
    pub(super) max: Duration,
}

impl AgingStep {
    const fn span(&self) -> Span {
        Span {
            min: Duration::ZERO,
            max: self.max,
        }
    }
}

impl Kind<Aging> for AgingStep {
    fn read(&self, raw: &Raw) -> Result<Aging, String> {
        if raw.text() == Some(STRICT) {
            return Ok(Aging::Strict);
        }
        let refusal = |why| format!("{why}, or \"{STRICT}\"");
        self.span().read(raw).map(Aging::Step).map_err(refusal)
    }

    fn show(&self, value: &Aging) -> String {
        match value {
            Aging::Step(step) => duration(*step),
            Aging::Strict => STRICT.into(),
        }
    }

    fn allowed(&self) -> String {
        format!("{}, or \"{STRICT}\"", self.span().allowed())
    }

    fn is_quoted(&self, _: &Aging) -> bool {
        true
    }
}

/// A number of bytes between these bounds.
pub(super) struct Size {
    pub(super) min: u64,
    pub(super) max: u64,
}

impl<F: TryFrom<u64> + TryInto<u64> + Copy> Kind<F> for Size {
    fn read(&self, raw: &Raw) -> Result<F, String> {
        let allowed = || <Self as Kind<F>>::allowed(self);
        let parsed = raw.text().or_else(|| raw.number()).and_then(bytes);
        let Some(size) = parsed else {
            let form = "a size is a number with a unit, such as \"64KiB\", \"1MiB\", \"2GiB\"";
            return Err(format!("{form}; {}", allowed()));
        };
        let bounded = (self.min..=self.max).contains(&size).then_some(size);
        bounded
            .and_then(|size| F::try_from(size).ok())
            .ok_or_else(allowed)
    }

    fn show(&self, value: &F) -> String {
        size((*value).try_into().unwrap_or(u64::MAX))
    }

    fn allowed(&self) -> String {
        format!("allowed {} to {}", size(self.min), size(self.max))
    }

    fn is_quoted(&self, _: &F) -> bool {
        true
    }
}

/// Reads a number of bytes; without a unit it is of bytes.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let known = |(name, _): &&(&str, u64)| name.eq_ignore_ascii_case(unit);
    let factor = if unit.is_empty() {
        1
    } else {
        SIZE_UNITS.iter().find(known)?.1
    };
    whole(digits.trim_end())?.checked_mul(factor)
}

/// A size in the largest unit that divides it.
fn size(bytes: u64) -> String {
    let exact = SIZE_UNITS
        .iter()
        .find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    exact.map_or_else(
        || "0B".into(),
        |(name, unit)| format!("{}{name}", bytes / unit),
    )
}

/// A whole number between these bounds.
pub(super) struct Count {
    pub(super) min: u64,
    pub(super) max: u64,
}

impl<F: TryFrom<u64> + TryInto<u64> + Copy> Kind<F> for Count {
    fn read(&self, raw: &Raw) -> Result<F, String> {
        let allowed = || <Self as Kind<F>>::allowed(self);
        let Some(text) = raw.number() else {
            return Err(format!(
                "a whole number is wanted, without quotes; {}",
                allowed()
            ));
        };
        let bounded = whole(text).filter(|n| (self.min..=self.max).contains(n));
        bounded
            .and_then(|number| F::try_from(number).ok())
            .ok_or_else(allowed)
    }

    fn show(&self, value: &F) -> String {
        (*value).try_into().unwrap_or(u64::MAX).to_string()
    }

    fn allowed(&self) -> String {
        format!("allowed {} to {}", self.min, self.max)
    }

    fn is_quoted(&self, _: &F) -> bool {
        false
    }
}

/// Reads digits, which may be parted by underscores.
fn whole(text: &str) -> Option<u64> {
    let begins_well = text.starts_with(|c: char| c.is_ascii_digit());
    begins_well
        .then(|| text.replace('_', "").parse().ok())
        .flatten()
}

/// True or false.
pub(super) struct Truth;

impl Kind<bool> for Truth {
    fn read(&self, raw: &Raw) -> Result<bool, String> {
        let parsed = raw.truth().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| format!("{}, without quotes", self.allowed()))
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }

    fn allowed(&self) -> String {
        "allowed true or false".into()
    }

    fn is_quoted(&self, _: &bool) -> bool {
        false
    }
}

/// One of a few words.
pub(super) struct Choice<F: 'static>(pub(super) &'static [(&'static str, F)]);

impl<F: Copy + PartialEq + Sync> Kind<F> for Choice<F> {
    fn read(&self, raw: &Raw) -> Result<F, String> {
        let chosen = self.0.iter().find(|(word, _)| raw.text() == Some(word));
        chosen
            .map(|(_, value)| *value)
            .ok_or_else(|| self.allowed())
    }

    fn show(&self, value: &F) -> String {
        let shown = self.0.iter().find(|(_, known)| known == value);
        shown.map_or_else(String::new, |(word, _)| (*word).into())
    }

    fn allowed(&self) -> String {
        let words: Vec<String> = self
            .0
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect();
        format!("allowed {}", words.join(", "))
    }

    fn is_quoted(&self, _: &F) -> bool {
        true
    }
}

/// An address to listen at, or none.
pub(super) struct Address;

impl Kind<Option<SocketAddr>> for Address {
    fn read(&self, raw: &Raw) -> Result<Option<SocketAddr>, String> {
        match raw.text() {
            Some(NO_ADDRESS) => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| self.allowed()),
            None => Err(self.allowed()),
        }
    }

    fn show(&self, value: &Option<SocketAddr>) -> String {
        value.map_or_else(|| NO_ADDRESS.into(), |address| address.to_string())
    }

    fn allowed(&self) -> String {
        "allowed an IP address with a port, such as \"127.0.0.1:7411\" or \"[::1]:7411\", \
         or \"none\""
            .into()
    }

    fn is_quoted(&self, _: &Option<SocketAddr>) -> bool {
        true
    }
}

/// The path of a folder.
pub(super) struct Folder;

impl Kind<PathBuf> for Folder {
    fn read(&self, raw: &Raw) -> Result<PathBuf, String> {
        let path = raw
            .text()
            .filter(|text| !text.is_empty() && !text.contains('\0'));
        path.map(PathBuf::from).ok_or_else(|| self.allowed())
    }

    fn show(&self, value: &PathBuf) -> String {
        value.to_string_lossy().into_owned()
    }

    fn allowed(&self) -> String {
        "allowed the path of a folder".into()
    }

    fn is_quoted(&self, _: &PathBuf) -> bool {
        true
    }
}
