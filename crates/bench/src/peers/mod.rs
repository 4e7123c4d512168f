//! Drivers of other systems, in those systems' own words.

use crate::{BenchError, Spec, Target};

/// The driver that a spec asks for.
///
/// # Errors
/// When there is no driver of that kind.
pub(crate) fn target(spec: &Spec) -> Result<Box<dyn Target>, BenchError> {
    let known = "none yet";
    Err(BenchError::Usage(format!(
        "no driver for \"{}\"; there are: {known}",
        spec.kind
    )))
}
