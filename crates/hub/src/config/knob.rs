//! What a knob is, and the macros that declare one.

use super::{
    error::{Problem, Source},
    near,
};

/// A value as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Raw {
    /// Text in quotes, in a file.
    Text(String),
    /// A whole number in a file, in decimal.
    Number(String),
    /// A truth value in a file.
    Truth(String),
    /// Anything else in a file: no knob takes it.
    Other,
    /// Text without a type: from the environment, a flag, or a value already held.
    Plain(String),
}

/// How the values of a knob are written. The messages of `read` say what is allowed.
pub(super) trait Kind<F>: Sync {
    /// The value that is written so, if it is one and within bounds.
    fn read(&self, raw: &Raw) -> Result<F, String>;
    /// How the value is written, without quotes.
    fn show(&self, value: &F) -> String;
    /// What is allowed, as in "allowed 1s to 1h".
    fn allowed(&self) -> String;
    /// Whether a file puts the value in quotes.
    fn is_quoted(&self, value: &F) -> bool;
}

/// A field of `T` whose type has been forgotten.
pub(super) trait Slot<T>: Sync {
    /// Reads `raw` into the field; a refusal changes nothing and says what is allowed.
    fn set(&self, owner: &mut T, raw: &Raw) -> Result<(), String>;
    /// What the field would be refused for.
    fn recheck(&self, owner: &T) -> Result<(), String>;
    /// The field as a file writes it.
    fn literal(&self, owner: &T) -> String;
    /// What is allowed.
    fn allowed(&self) -> String;
}

/// A field with its kind.
pub(super) struct At<T, F, K> {
    pub(super) kind: K,
    pub(super) get: fn(&T) -> &F,
    pub(super) get_mut: fn(&mut T) -> &mut F,
}

impl<T, F, K: Kind<F>> Slot<T> for At<T, F, K> {
    fn set(&self, owner: &mut T, raw: &Raw) -> Result<(), String> {
        *(self.get_mut)(owner) = self.kind.read(raw)?;
        Ok(())
    }

    fn recheck(&self, owner: &T) -> Result<(), String> {
        let text = self.kind.show((self.get)(owner));
        self.kind.read(&Raw::Plain(text)).map(drop)
    }

    fn literal(&self, owner: &T) -> String {
        let value = (self.get)(owner);
        let text = self.kind.show(value);
        if self.kind.is_quoted(value) {
            toml::Value::String(text).to_string()
        } else {
            text
        }
    }

    fn allowed(&self) -> String {
        self.kind.allowed()
    }
}

/// One knob of a `T`.
pub(super) struct Knob<T: 'static> {
    pub(super) key: &'static str,
    pub(super) doc: &'static str,
    pub(super) slot: &'static dyn Slot<T>,
}

/// Knobs that stand under one heading.
pub(super) struct Section<T: 'static> {
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) knobs: &'static [Knob<T>],
}

impl<T> Section<T> {
    pub(super) fn find(&self, key: &str) -> Option<&'static Knob<T>> {
        self.knobs.iter().find(|knob| knob.key == key)
    }

    /// What is wrong with the values that `owner` holds; `heading` is what its section is called.
    pub(super) fn recheck(&self, heading: &str, owner: &T) -> Vec<Problem> {
        let problem = |knob: &Knob<T>| {
            let why = knob.slot.recheck(owner).err()?;
            let literal = near::cut(&knob.slot.literal(owner));
            Some(Problem::new(
                Source::Code,
                format!("{heading}.{} = {literal}: {why}", knob.key),
            ))
        };
        self.knobs.iter().filter_map(problem).collect()
    }
}

/// A [`Section`] of knobs on the fields of `$owner`: its documentation, then `/// doc`,
/// `key => field: kind;` for each.
macro_rules! knobs {
    ($owner:ty, $name:expr, $about:expr, {
        $( $(#[doc = $doc:literal])+ $key:ident => $($field:ident).+ : $kind:expr; )+
    }) => {
        $crate::config::knob::Section {
            name: $name,
            doc: $about,
            knobs: &[ $( $crate::config::knob::Knob {
                key: stringify!($key),
                doc: concat!($($doc),+),
                slot: &$crate::config::knob::At {
                    kind: $kind,
                    get: |owner: &$owner| &owner.$($field).+,
                    get_mut: |owner: &mut $owner| &mut owner.$($field).+,
                },
            } ),+ ],
        }
    };
}

/// The type of a section of [`HubConfig`](crate::HubConfig), its defaults, and its [`Section`].
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub struct $type:ident, $table:ident for $name:ident {
            $( $(#[doc = $doc:literal])+ $key:ident: $value:ty = $default:expr, $kind:expr; )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $type { $( $(#[doc = $doc])+ pub $key: $value, )+ }

        impl Default for $type {
            fn default() -> Self {
                Self { $( $key: $default, )+ }
            }
        }

        pub(super) static $table: $crate::config::knob::Section<$crate::config::HubConfig> =
            $crate::config::knob::knobs!(
                $crate::config::HubConfig, stringify!($name), concat!($($about),+),
                { $( $(#[doc = $doc])+ $key => $name.$key: $kind; )+ }
            );
    };
}

pub(super) use {knobs, section};
