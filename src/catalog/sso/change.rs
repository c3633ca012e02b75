//! A field of a patch: absent, `null`, or a value. RFC 7396 gives the three different meanings, and a plain
//! `Option` can tell only two of them apart.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a patch says of one field.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// Not named: stays as it is.
    #[default]
    Keep,
    /// `null`: goes back to its default.
    Reset,
    /// This value from now on.
    Set(T),
}

impl<T> Change<T> {
    /// Whether the field is not named.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The value, where the patch sets one.
    pub fn set_value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Reset => None,
        }
    }

    /// Carries the change out on `target`, whose default is `T::default()`.
    pub(super) fn apply_to(self, target: &mut T)
    where
        T: Default,
    {
        match self {
            Self::Keep => {}
            Self::Reset => *target = T::default(),
            Self::Set(value) => *target = value,
        }
    }

    /// Carries the change out on a field that may be empty.
    pub(super) fn apply_to_option(self, target: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Reset => *target = None,
            Self::Set(value) => *target = Some(value),
        }
    }
}

impl<T> From<T> for Change<T> {
    fn from(value: T) -> Self {
        Self::Set(value)
    }
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Reset => serializer.serialize_none(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Reset, Self::Set))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Change<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Change_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<T>()
    }
}
