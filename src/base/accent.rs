//! The twelve colours a tile may have: a closed vocabulary shared by connectors, the API and the style sheet.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! accents {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// Colour of an application's tile.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum Accent {
            $(#[doc = concat!("`", $text, "`")] $name),+
        }

        impl Accent {
            /// All of them, in the order of the style sheet.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name used in YAML, JSON and `data-accent`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }

        impl FromStr for Accent {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$name),)+ _ => Err(()) }
            }
        }
    };
}

accents! {
    Tyrian = "tyrian", Porphyry = "porphyry", Cinnabar = "cinnabar", Ochre = "ochre", Olive = "olive",
    Serpentine = "serpentine", Verdigris = "verdigris", Egyptian = "egyptian", Lapis = "lapis", Iris = "iris",
    Umber = "umber", Basalt = "basalt",
}

impl Accent {
    /// The accent a name gets when nobody chose one: always the same for the same name.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let sum = name.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Self::ALL[sum % Self::ALL.len()]
    }
}
