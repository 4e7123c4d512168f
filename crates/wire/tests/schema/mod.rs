//! What the types of the messages are made of, asked of the types themselves: a serde deserializer
//! that reads no bytes, makes up every value, and writes down what it was asked for.

use std::cell::RefCell;
use std::collections::BTreeMap;

use leasehold_wire::{FromHub, FromNode};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, SeqAccess, VariantAccess, Visitor,
    value::Error,
};
use serde::{Deserialize, forward_to_deserialize_any};

/// How often each message is made up: often enough to see every variant of every enum.
const ROUNDS: usize = 4096;

/// Every named type, with its parts as PROTOCOL.md writes them.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    /// By name: number to variant and its fields.
    pub(crate) enums: BTreeMap<String, BTreeMap<usize, (String, String)>>,
    /// By name: fields in order, each with its type.
    pub(crate) structs: BTreeMap<String, Vec<(String, String)>>,
    /// By name: what it is on the wire.
    pub(crate) newtypes: BTreeMap<String, String>,
    /// By name of an enum: how often it was made up.
    turns: BTreeMap<String, usize>,
    /// By name of an enum: how many variants it has.
    variants: BTreeMap<String, usize>,
}

/// The schema of both directions.
pub(crate) fn schema() -> Schema {
    let schema = RefCell::new(Schema::default());
    for _ in 0..ROUNDS {
        made_up::<FromNode>(&schema);
        made_up::<FromHub>(&schema);
    }
    let schema = schema.into_inner();
    for (name, variants) in &schema.variants {
        let seen = schema.enums.get(name).map_or(0, BTreeMap::len);
        assert_eq!(
            seen, *variants,
            "{ROUNDS} rounds did not show all of {name}"
        );
    }
    schema
}

fn made_up<'de, T: Deserialize<'de>>(schema: &RefCell<Schema>) {
    let probe = Probe {
        schema,
        kind: &mut String::new(),
    };
    T::deserialize(probe).expect("a made-up value of each type");
}

/// Makes up one value and writes down of what kind it was.
struct Probe<'a> {
    schema: &'a RefCell<Schema>,
    kind: &'a mut String,
}

macro_rules! made_up_as {
    ($($method:ident => $visit:ident($value:expr), $kind:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            *self.kind = $kind.into();
            visitor.$visit($value)
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    made_up_as! {
        deserialize_bool => visit_bool(false), "bool";
        deserialize_u8 => visit_u8(0), "u8";
        deserialize_u16 => visit_u16(0), "u16";
        deserialize_u32 => visit_u32(0), "u32";
        deserialize_u64 => visit_u64(0), "u64";
        deserialize_string => visit_str("a"), "string";
        deserialize_str => visit_str("a"), "string";
        deserialize_byte_buf => visit_bytes(b"a"), "bytes";
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char bytes map identifier ignored_any tuple_struct
        unit_struct
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom(
            "a type that PROTOCOL.md has no word for",
        ))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        *self.kind = "nothing".into();
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut kind = String::new();
        let value = visitor.visit_some(Probe {
            schema: self.schema,
            kind: &mut kind,
        })?;
        *self.kind = format!("{kind}?");
        Ok(value)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut kind = String::new();
        let value = visitor.visit_newtype_struct(Probe {
            schema: self.schema,
            kind: &mut kind,
        })?;
        self.schema.borrow_mut().newtypes.insert(name.into(), kind);
        *self.kind = name.into();
        Ok(value)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut parts = Parts::new(self.schema, 1);
        let value = visitor.visit_seq(&mut parts)?;
        *self.kind = format!("[{}]", parts.kinds.concat());
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, v: V) -> Result<V::Value, Error> {
        let mut parts = Parts::new(self.schema, len);
        let value = v.visit_seq(&mut parts)?;
        let bytes = parts.kinds.iter().all(|kind| kind == "u8");
        *self.kind = if bytes {
            format!("u8×{len}")
        } else {
            parts.in_brackets()
        };
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut parts = Parts::new(self.schema, fields.len());
        let value = visitor.visit_seq(&mut parts)?;
        let fields = fields
            .iter()
            .map(ToString::to_string)
            .zip(parts.kinds)
            .collect();
        self.schema.borrow_mut().structs.insert(name.into(), fields);
        *self.kind = name.into();
        Ok(value)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == "Result" {
            let mut kind = String::new();
            let chosen = Chosen {
                schema: self.schema,
                number: 0,
                kind: &mut kind,
            };
            let value = visitor.visit_enum(chosen)?;
            *self.kind = format!("{kind} or Rejection");
            return Ok(value);
        }
        let number = self.schema.borrow_mut().take_turn(name, variants.len());
        let mut kind = String::new();
        let value = visitor.visit_enum(Chosen {
            schema: self.schema,
            number,
            kind: &mut kind,
        })?;
        let mut schema = self.schema.borrow_mut();
        let known = schema.enums.entry(name.into()).or_default();
        known.insert(number, (variants[number].into(), kind));
        *self.kind = name.into();
        Ok(value)
    }
}

impl Schema {
    /// Which variant to make up: each in its turn.
    fn take_turn(&mut self, name: &str, variants: usize) -> usize {
        self.variants.insert(name.into(), variants);
        let turn = self.turns.entry(name.into()).or_default();
        *turn += 1;
        (*turn - 1) % variants
    }
}

/// Makes up the parts of a list, a tuple or a struct.
struct Parts<'a> {
    schema: &'a RefCell<Schema>,
    left: usize,
    kinds: Vec<String>,
}

impl<'a> Parts<'a> {
    fn new(schema: &'a RefCell<Schema>, left: usize) -> Self {
        Self {
            schema,
            left,
            kinds: Vec::new(),
        }
    }

    fn in_brackets(&self) -> String {
        format!("({})", self.kinds.join(", "))
    }
}

impl<'de> SeqAccess<'de> for &mut Parts<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut kind = String::new();
        let value = seed.deserialize(Probe {
            schema: self.schema,
            kind: &mut kind,
        })?;
        self.kinds.push(kind);
        Ok(Some(value))
    }
}

/// Makes up one variant of an enum; `kind` becomes its fields.
struct Chosen<'a> {
    schema: &'a RefCell<Schema>,
    number: usize,
    kind: &'a mut String,
}

impl<'de> EnumAccess<'de> for Chosen<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Error> {
        let number: u64 = self.number.try_into().expect("few variants");
        let value = seed.deserialize(IntoDeserializer::<Error>::into_deserializer(number))?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(Probe {
            schema: self.schema,
            kind: self.kind,
        })
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        let mut parts = Parts::new(self.schema, len);
        let value = visitor.visit_seq(&mut parts)?;
        *self.kind = parts.kinds.join(", ");
        Ok(value)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut parts = Parts::new(self.schema, fields.len());
        let value = visitor.visit_seq(&mut parts)?;
        let named = fields
            .iter()
            .zip(&parts.kinds)
            .map(|(field, kind)| format!("{field}: {kind}"));
        *self.kind = named.collect::<Vec<_>>().join(", ");
        Ok(value)
    }
}
