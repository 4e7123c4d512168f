//! Values that need not be there.

use super::{Kind, Raw};

/// What stands for a value that is not there.
const NONE: &str = "none";

/// A value of this kind, or none.
pub(in crate::config) struct Optional<K>(pub(in crate::config) K);

impl<F, K: Kind<F>> Kind<Option<F>> for Optional<K> {
    fn read(&self, raw: &Raw) -> Result<Option<F>, String> {
        if raw.text() == Some(NONE) {
            return Ok(None);
        }
        // Of its own kind it may want a number, which a file does not put in quotes.
        let refusal = |why| format!("{why}, or \"{NONE}\"");
        self.0.read(raw).map(Some).map_err(refusal)
    }

    fn show(&self, value: &Option<F>) -> String {
        let shown = value.as_ref().map(|value| self.0.show(value));
        shown.unwrap_or_else(|| NONE.into())
    }

    fn allowed(&self) -> String {
        format!("{}, or \"{NONE}\"", self.0.allowed())
    }

    fn is_quoted(&self, value: &Option<F>) -> bool {
        value.as_ref().is_none_or(|value| self.0.is_quoted(value))
    }
}
