//! Forms and queries: `application/x-www-form-urlencoded`, strictly. UTF-8 or nothing, and a name that comes twice is
//! refused unless its field is a list (W-13): otherwise two readers could each believe another one.

use std::collections::HashMap;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::de::value::MapDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use crate::base::{Error, Kind};

/// Most pairs of one form.
const MAX_PAIRS: usize = 2000;

/// The pairs of a form, grouped by name, in the order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    names: Vec<String>,
    values: HashMap<String, Vec<String>>,
}

impl Fields {
    /// Reads a body or a query.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut fields = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            fields.push(decode(name)?, decode(value)?)?;
        }
        Ok(fields)
    }

    /// Adds a pair.
    pub fn push(&mut self, name: String, value: String) -> Result<(), Error> {
        if self.values.values().map(Vec::len).sum::<usize>() >= MAX_PAIRS {
            return Err(Error::new(Kind::Malformed, "form_too_long", "This form has too many fields."));
        }
        if !self.values.contains_key(&name) {
            self.names.push(name.clone());
        }
        self.values.entry(name).or_default().push(value);
        Ok(())
    }

    /// Takes a field that may come once.
    pub fn take(&mut self, name: &str) -> Result<Option<String>, Error> {
        let Some(mut values) = self.values.remove(name) else { return Ok(None) };
        self.names.retain(|other| other != name);
        if values.len() > 1 {
            let message =
                format!("{name} came more than once. Leave out all but one, or go back and start again.");
            return Err(Error::new(Kind::Malformed, "parameter_repeated", message));
        }
        Ok(values.pop())
    }

    /// The fields as a type: lists take several values, `on` is true and a missing checkbox can be a default.
    pub fn read<T: DeserializeOwned>(mut self) -> Result<T, Error> {
        let names = std::mem::take(&mut self.names);
        let pairs = names.into_iter().filter_map(|name| {
            let values = self.values.remove(&name)?;
            Some((name, Values(values)))
        });
        T::deserialize(MapDeserializer::new(pairs)).map_err(|Fault(text)| {
            Error::new(Kind::Malformed, "form_unreadable", "This form can't be read. Go back and try again.")
                .because(text)
        })
    }
}

fn decode(text: &str) -> Result<String, Error> {
    let broken = || Error::new(Kind::Malformed, "form_encoding", "This form is not encoded as it should be.");
    let spaced = text.replace('+', " ");
    let bytes = spaced.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    if bytes.iter().enumerate().any(|(at, b)| *b == b'%' && !(hex(at + 1) && hex(at + 2))) {
        return Err(broken());
    }
    percent_decode_str(&spaced).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| broken())
}

/// What serde says is wrong; for the log, since forms are ours.
#[derive(Debug)]
struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

/// The values of one name.
struct Values(Vec<String>);

impl Values {
    fn one(mut self) -> Result<String, Fault> {
        match (self.0.pop(), self.0.is_empty()) {
            (Some(value), true) => Ok(value),
            _ => Err(Fault::custom("a parameter came more than once")),
        }
    }
}

impl IntoDeserializer<'_, Fault> for Values {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let text = self.one()?;
            visitor.$visit(text.trim().parse().map_err(|_| Fault::custom("a number was expected"))?)
        }
    )* };
}

impl<'de> Deserializer<'de> for Values {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_string(self.one()?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let each = self.0.into_iter().map(|value| Self(vec![value]));
        visitor.visit_seq(serde::de::value::SeqDeserializer::new(each))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.one()?.as_str() {
            "on" | "true" | "yes" | "1" => visitor.visit_bool(true),
            "" | "false" | "no" | "0" => visitor.visit_bool(false),
            _ => Err(Fault::custom("yes or no was expected")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(Variant(self.one()?))
    }

    numbers! {
        deserialize_i64 visit_i64 deserialize_i32 visit_i32 deserialize_u64 visit_u64 deserialize_u32 visit_u32
        deserialize_u16 visit_u16 deserialize_u8 visit_u8
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// A variant without content, by its name.
struct Variant(String);

impl<'de> EnumAccess<'de> for Variant {
    type Error = Fault;
    type Variant = Self;
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name: serde::de::value::StringDeserializer<Fault> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, Self(String::new())))
    }
}

impl<'de> VariantAccess<'de> for Variant {
    type Error = Fault;
    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Fault> {
        Err(Fault::custom("a plain choice was expected"))
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Fault> {
        Err(Fault::custom("a plain choice was expected"))
    }
    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Fault> {
        Err(Fault::custom("a plain choice was expected"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Action {
        Save,
        Activate,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Form {
        name: String,
        #[serde(default)]
        id: Vec<String>,
        #[serde(default)]
        shown: bool,
        count: Option<u32>,
        action: Action,
    }

    fn read(text: &str) -> Result<Form, &'static str> {
        Fields::parse(text).and_then(Fields::read).map_err(|error| error.code)
    }

    #[test]
    fn forms_are_read_into_types() {
        let form = read("name=R%26D+Zo%C3%AB&id=a&id=b&shown=on&action=save&count=7&unknown=x").unwrap();
        let ids = vec!["a".to_owned(), "b".to_owned()];
        let expected =
            Form { name: "R&D Zoë".into(), id: ids, shown: true, count: Some(7), action: Action::Save };
        assert_eq!(form, expected);
        assert_eq!(read("name=&id=a&action=activate").unwrap().id, ["a"]);
        let all: HashMap<String, Vec<String>> = Fields::parse("a=1&a=2&b=3").unwrap().read().unwrap();
        assert_eq!(all["a"], ["1", "2"]);
        let flat: HashMap<String, String> = Fields::parse("placeholder.YOUR_ID=3").unwrap().read().unwrap();
        assert_eq!(flat["placeholder.YOUR_ID"], "3");
    }

    #[test]
    fn w_13_a_parameter_that_comes_twice_is_refused() {
        assert_eq!(read("name=a&name=b&action=save"), Err("form_unreadable"));
        assert_eq!(read("name=a&action=save&action=activate"), Err("form_unreadable"));
        assert_eq!(read("n%61me=a&name=b&action=save"), Err("form_unreadable"), "in another spelling");
        let mut fields = Fields::parse("csrf=a&n%61me=a&name=a").unwrap();
        assert_eq!(fields.take("name").unwrap_err().code, "parameter_repeated");
        assert_eq!(fields.take("csrf").unwrap().as_deref(), Some("a"));
        assert_eq!(fields.take("csrf").unwrap(), None);
    }

    #[test]
    fn w_13_broken_encoding_is_refused() {
        for bad in ["name=%", "name=%2", "name=%zz", "name=%ff", "name=%c3%28", "%80=x"] {
            assert_eq!(read(&format!("{bad}&action=save")), Err("form_encoding"), "{bad}");
        }
        let many = "x=1&".repeat(MAX_PAIRS + 1);
        assert_eq!(Fields::parse(&many).unwrap_err().code, "form_too_long");
        assert_eq!(read("name=a&action=other"), Err("form_unreadable"));
        assert_eq!(read("name=a&action=save&count=x"), Err("form_unreadable"));
    }
}
