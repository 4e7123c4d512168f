//! A file as a layer.

use std::path::Path;

use toml::{
    Spanned,
    de::{DeInteger, DeString, DeTable, DeValue},
};

use super::{
    certificates,
    error::Source,
    knob::Raw,
    layers::{ConfigLayers, Setting},
    near,
    place::{Heading, no_heading, unknown_heading},
    pool,
};

/// Lays all settings of a file on `layers`; of a file that is no TOML only the complaints.
pub(super) fn read(layers: &mut ConfigLayers, path: &Path, text: &str) {
    let file = File { path, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let source = file.source(error.span().map_or(0, |span| span.start));
        layers.problem(source, format!("no TOML: {}", near::cut(error.message())));
    }
    if errors.is_empty() {
        for (name, value) in table.get_ref() {
            file.section(layers, name, value);
        }
    }
}

type Key<'i> = Spanned<DeString<'i>>;
type Value<'i> = Spanned<DeValue<'i>>;

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn section(&self, layers: &mut ConfigLayers, name: &Key<'_>, value: &Value<'_>) {
        let (at, text) = (self.source(name.span().start), name.get_ref());
        match (Heading::find(text), value.get_ref()) {
            (Some(heading), DeValue::Table(table)) => self.settings(layers, &heading, table),
            (None, DeValue::Table(table)) if text == pool::NAMED => self.pools(layers, table),
            (None, DeValue::Table(_)) => layers.problem(at, unknown_heading(text)),
            (None, _) if text == pool::NAMED => layers.problem(at, unknown_heading(text)),
            (Some(_), _) => layers.problem(at, self.not_a_section(text, value)),
            (None, _) => layers.problem(at, no_heading(text)),
        }
    }

    fn pools(&self, layers: &mut ConfigLayers, pools: &DeTable<'_>) {
        for (name, value) in pools {
            let at = self.source(name.span().start);
            let DeValue::Table(table) = value.get_ref() else {
                layers.problem(at, unknown_heading(pool::NAMED));
                continue;
            };
            match layers.named_pool(name.get_ref()) {
                Ok(heading) => self.settings(layers, &heading, table),
                Err(why) => layers.problem(at, why),
            }
        }
    }

    fn settings(&self, layers: &mut ConfigLayers, heading: &Heading, table: &DeTable<'_>) {
        for (key, value) in table {
            let source = self.source(key.span().start);
            if certificates::is_heading(heading, key.get_ref()) {
                self.certificates(layers, value);
                continue;
            }
            let Some(place) = heading.place(key.get_ref()) else {
                layers.problem(source, heading.unknown_key(key.get_ref()));
                continue;
            };
            let literal = self.literal(value);
            layers.push(Setting {
                place,
                raw: raw(value.get_ref()),
                literal,
                source,
            });
        }
    }

    fn certificates(&self, layers: &mut ConfigLayers, value: &Value<'_>) {
        let at = |offset| self.source(offset);
        for (offset, read) in certificates::read(value) {
            match read {
                Ok((name, rule)) => layers.certificate(&name, rule),
                Err(why) => layers.problem(at(offset), why),
            }
        }
    }

    fn not_a_section(&self, name: &str, value: &Value<'_>) -> String {
        format!(
            "{name} = {}: a section is wanted, [{name}]",
            self.literal(value)
        )
    }

    /// The value as the file writes it, of bounded length.
    fn literal(&self, value: &Value<'_>) -> String {
        match value.get_ref() {
            DeValue::Table(_) => "a section".into(),
            DeValue::Array(_)
            | DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => near::cut(self.text.get(value.span()).unwrap_or_default()),
        }
    }

    /// The line of the byte at `offset`.
    fn source(&self, offset: usize) -> Source {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Source::File(self.path.into(), Some(line))
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.clone().into_owned()),
        DeValue::Integer(number) => Raw::Number(decimal(number)),
        DeValue::Boolean(truth) => Raw::Truth(truth.to_string()),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            Raw::Other
        }
    }
}

/// The number in decimal; one that is out of all bounds stays as it was written.
fn decimal(number: &DeInteger<'_>) -> String {
    let parsed = i128::from_str_radix(number.as_str(), number.radix());
    parsed.map_or_else(|_| number.as_str().into(), |number| number.to_string())
}
