//! Reading a faulty file for the linter: what can't be read is noted, something stands in for it, and the reading
//! goes on, so that one run names every fault. What comes of it is good for finding more faults and for nothing else.
//!
//! It wraps the deserializer of [`yaml`]: a key that a map does not know is passed over, and a word that is none of a
//! closed list counts as the first of that list. Any other failure ends a round; the next one knows of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, IntoDeserializer,
    MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_saphyr::DuplicateKeyPolicy;

use super::yaml::{self, Bounds, Positions, YamlFault, joined};

/// Most rounds, and so most failures that are told of one file beside its unknown keys and words.
const MAX_ROUNDS: usize = 50;

/// What stands in for a text: it reads as a property of a person too.
const STAND_IN: &str = "email";

/// What could be read of a file.
#[derive(Debug)]
pub(super) struct Reading<T> {
    /// The value, unless too little could be read.
    pub(super) value: Option<T>,
    /// What is wrong with the form of the file.
    pub(super) faults: Vec<YamlFault>,
    /// Where something stands in for what could not be read; no more can be said of these places.
    pub(super) unread: Vec<String>,
}

/// The text as a value of the type, as far as that goes. Call [`yaml::survey`] first.
pub(super) fn read<T: DeserializeOwned>(text: &str, positions: &Positions, bounds: &Bounds) -> Reading<T> {
    let strict = match yaml::read(text, positions, bounds) {
        Ok(value) => return Reading { value: Some(value), faults: Vec::new(), unread: Vec::new() },
        Err(fault) => fault,
    };
    let mut learned = Learned::default();
    let mut faults = positions.repeated().to_vec();
    let mut value = None;
    for _ in 0..MAX_ROUNDS {
        let (read, noted) = round(text, positions, bounds, &learned);
        match read {
            Ok(whole) => {
                value = Some(whole);
                faults.extend(noted);
                break;
            }
            Err(Failure { at, fault, missing }) => {
                // Where something stands in already, it is only the stand-in that fails.
                if !learned.replaced.contains(&at) {
                    faults.push(fault.clone());
                }
                if !learned.learn(at, &fault, missing) {
                    faults.extend(noted);
                    break;
                }
            }
        }
    }
    if faults.is_empty() {
        faults.push(strict);
    }
    Reading { value, faults, unread: learned.unread() }
}

/// What earlier rounds failed at, by dotted path.
#[derive(Debug, Default)]
struct Learned {
    /// Values that can't be read.
    replaced: BTreeSet<String>,
    /// Entries to be passed over: nothing can stand in for them.
    passed_over: BTreeSet<String>,
    /// Keys that are missing, by their map.
    missing: BTreeMap<String, Vec<&'static str>>,
}

impl Learned {
    /// Takes in a failure. False when another round would end the same way.
    fn learn(&mut self, at: String, fault: &YamlFault, missing: Option<&'static str>) -> bool {
        if let Some(field) = missing.filter(|_| !self.replaced.contains(&at)) {
            let fields = self.missing.entry(at).or_default();
            let is_new = !fields.contains(&field);
            fields.push(field);
            return is_new;
        }
        if fault.code == "unknown_field" {
            return self.passed_over.insert(at);
        }
        !at.is_empty() && (self.replaced.insert(at.clone()) || self.passed_over.insert(at))
    }

    fn unread(&self) -> Vec<String> {
        let missing = self.missing.iter();
        let missing = missing.flat_map(|(map, fields)| fields.iter().map(move |field| joined(map, field)));
        let replaced = self.replaced.iter().map(|path| match path.rsplit_once('.') {
            // Without one of its items the others stand elsewhere.
            Some((list, item)) if self.passed_over.contains(path) && item.parse::<usize>().is_ok() => {
                list.to_owned()
            }
            _ => path.clone(),
        });
        missing.chain(replaced).collect()
    }
}

/// Why a round ended early.
struct Failure {
    /// The innermost value that was being read, as a dotted path.
    at: String,
    fault: YamlFault,
    /// The key, where one is missing.
    missing: Option<&'static str>,
}

/// Reads once, with what is learned. Gives the unknown keys and words too.
fn round<T: DeserializeOwned>(
    text: &str,
    positions: &Positions,
    bounds: &Bounds,
    learned: &Learned,
) -> (Result<T, Failure>, Vec<YamlFault>) {
    let round = Round { positions, learned, noted: RefCell::default(), failed: RefCell::default() };
    let options = yaml::options(bounds, DuplicateKeyPolicy::FirstWins);
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, options, |inner| {
        let place = Place { path: String::new(), round: &round };
        Within { seed: PhantomData::<T>, place }.deserialize(inner)
    });
    let read = read.map_err(|error| {
        let missing = match error.without_snippet() {
            serde_saphyr::Error::SerdeMissingField { field, .. } => Some(*field),
            _ => None,
        };
        let at = round.failed.take().unwrap_or_default();
        Failure { at, fault: yaml::fault_of(&error, positions), missing }
    });
    (read, round.noted.take())
}

/// What one round knows and finds.
struct Round<'a> {
    positions: &'a Positions,
    learned: &'a Learned,
    noted: RefCell<Vec<YamlFault>>,
    failed: RefCell<Option<String>>,
}

/// Where the reading is.
#[derive(Clone)]
struct Place<'r> {
    path: String,
    round: &'r Round<'r>,
}

impl Place<'_> {
    fn inside(&self, key: &str) -> Self {
        Self { path: joined(&self.path, key), round: self.round }
    }

    fn is_replaced(&self) -> bool {
        self.round.learned.replaced.contains(&self.path)
    }

    fn is_passed_over(&self) -> bool {
        self.round.learned.passed_over.contains(&self.path)
    }

    fn note(&self, fault: YamlFault) {
        self.round.noted.borrow_mut().push(fault);
    }

    /// Remembers where the failure began: inner places come first.
    fn fail(&self) {
        let mut failed = self.round.failed.borrow_mut();
        if failed.is_none() {
            *failed = Some(self.path.clone());
        }
    }
}

/// A value that is read at a place.
struct Within<'r, S> {
    seed: S,
    place: Place<'r>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Within<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let place = self.place.clone();
        self.seed.deserialize(Lenient { inner, place: self.place }).inspect_err(|_| place.fail())
    }
}

/// The deserializer around the library's.
struct Lenient<'r, D> {
    inner: D,
    place: Place<'r>,
}

/// Reads by the inner deserializer, or passes the value over and gives the stand-in.
macro_rules! leniently {
    ($($method:ident($($name:ident: $type:ty),*) knows $known:expr;)+) => { $(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            if self.place.is_replaced() {
                IgnoredAny::deserialize(self.inner)?;
                return StandIn::<D::Error>::new().$method($($name,)* visitor);
            }
            self.inner.$method($($name,)* Watched { inner: visitor, place: self.place, known: $known })
        }
    )+ };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Lenient<'_, D> {
    type Error = D::Error;

    leniently! {
        deserialize_any() knows None;
        deserialize_bool() knows None;
        deserialize_i8() knows None;
        deserialize_i16() knows None;
        deserialize_i32() knows None;
        deserialize_i64() knows None;
        deserialize_u8() knows None;
        deserialize_u16() knows None;
        deserialize_u32() knows None;
        deserialize_u64() knows None;
        deserialize_f32() knows None;
        deserialize_f64() knows None;
        deserialize_char() knows None;
        deserialize_str() knows None;
        deserialize_string() knows None;
        deserialize_bytes() knows None;
        deserialize_byte_buf() knows None;
        deserialize_option() knows None;
        deserialize_unit() knows None;
        deserialize_unit_struct(name: &'static str) knows None;
        deserialize_newtype_struct(name: &'static str) knows None;
        deserialize_seq() knows None;
        deserialize_tuple(len: usize) knows None;
        deserialize_tuple_struct(name: &'static str, len: usize) knows None;
        deserialize_map() knows None;
        deserialize_struct(name: &'static str, fields: &'static [&'static str]) knows Some(fields);
        deserialize_enum(name: &'static str, words: &'static [&'static str]) knows Some(words);
        deserialize_identifier() knows None;
        deserialize_ignored_any() knows None;
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A visitor that looks at what passes.
struct Watched<'r, V> {
    inner: V,
    place: Place<'r>,
    /// The keys of a struct, or the words of a closed list.
    known: Option<&'static [&'static str]>,
}

macro_rules! passed_on {
    ($($method:ident($type:ty);)+) => { $(
        fn $method<E: de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )+ };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watched<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    passed_on! {
        visit_bool(bool);
        visit_i64(i64);
        visit_u64(u64);
        visit_f64(f64);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Lenient { inner, place: self.place })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Lenient { inner, place: self.place })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Items { inner, place: self.place, next: 0 })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let missing = self.place.round.learned.missing.get(&self.place.path).cloned().unwrap_or_default();
        let known = self.known;
        self.inner.visit_map(Entries { inner, place: self.place, known, entry: None, at_end: false, missing })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Word { inner, place: self.place, known: self.known.unwrap_or_default() })
    }
}

/// The items of a list.
struct Items<'r, A> {
    inner: A,
    place: Place<'r>,
    next: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Items<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        loop {
            let place = self.place.inside(&self.next.to_string());
            self.next += 1;
            if !place.is_passed_over() {
                return self.inner.next_element_seed(Within { seed, place });
            }
            if self.inner.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
    }
}

/// The entries of a map, and after them those that are missing.
struct Entries<'r, A> {
    inner: A,
    place: Place<'r>,
    known: Option<&'static [&'static str]>,
    /// The entry whose value comes next; none where it stands in for a missing one.
    entry: Option<Place<'r>>,
    at_end: bool,
    missing: Vec<&'static str>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        while !self.at_end {
            let Some(key) = self.inner.next_key::<String>()? else {
                self.at_end = true;
                break;
            };
            let entry = self.place.inside(&key);
            if let Some(known) = self.known
                && !known.contains(&key.as_str())
            {
                let at = entry.round.positions.key(&entry.path);
                entry.note(yaml::unknown_field(at, &key, known));
            } else if !entry.is_passed_over() {
                let key = StrDeserializer::<A::Error>::new(&key);
                let key = seed.deserialize(key).inspect_err(|_| entry.fail())?;
                self.entry = Some(entry);
                return Ok(Some(key));
            }
            self.inner.next_value::<IgnoredAny>()?;
        }
        match self.missing.pop() {
            Some(field) => seed.deserialize(StrDeserializer::<A::Error>::new(field)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        match self.entry.take() {
            Some(place) => self.inner.next_value_seed(Within { seed, place }),
            None => seed.deserialize(StandIn::<A::Error>::new()),
        }
    }
}

/// A word of a closed list.
struct Word<'r, A> {
    inner: A,
    place: Place<'r>,
    known: &'static [&'static str],
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Word<'_, A> {
    type Error = A::Error;
    type Variant = Content<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (word, inner) = self.inner.variant::<String>()?;
        if self.known.contains(&word.as_str()) {
            let value = seed.deserialize(StrDeserializer::<A::Error>::new(&word))?;
            return Ok((value, Content::Own(inner)));
        }
        let (entry, positions) = (self.place.inside(&word), self.place.round.positions);
        let is_key = positions.has_key(&entry.path);
        let at = if is_key { positions.key(&entry.path) } else { positions.value(&self.place.path) };
        self.place.note(yaml::unknown_value(at, &word, self.known));
        let first = self.known.first().copied().unwrap_or_default();
        let value = seed.deserialize(StrDeserializer::<A::Error>::new(first))?;
        Ok((value, Content::Unknown { inner, is_key }))
    }
}

/// What a word of a closed list holds.
enum Content<A> {
    Own(A),
    /// The word is unknown, so this is not what its stand-in would hold.
    Unknown {
        inner: A,
        is_key: bool,
    },
}

fn pass_over<'de, A: VariantAccess<'de>>(inner: A, is_key: bool) -> Result<(), A::Error> {
    if is_key { inner.newtype_variant::<IgnoredAny>().map(|IgnoredAny| ()) } else { inner.unit_variant() }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Content<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        match self {
            Self::Own(inner) => inner.unit_variant(),
            Self::Unknown { inner, is_key } => pass_over(inner, is_key),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        match self {
            Self::Own(inner) => inner.newtype_variant_seed(seed),
            Self::Unknown { inner, is_key } => {
                pass_over(inner, is_key)?;
                seed.deserialize(StandIn::<A::Error>::new())
            }
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        match self {
            Self::Own(inner) => inner.tuple_variant(len, visitor),
            Self::Unknown { inner, is_key } => {
                pass_over(inner, is_key)?;
                StandIn::<A::Error>::new().deserialize_tuple(len, visitor)
            }
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        match self {
            Self::Own(inner) => inner.struct_variant(fields, visitor),
            Self::Unknown { inner, is_key } => {
                pass_over(inner, is_key)?;
                StandIn::<A::Error>::new().deserialize_struct("", fields, visitor)
            }
        }
    }
}

/// Stands in for a value: the least of whatever is asked for.
struct StandIn<E> {
    /// A field of what stands in: left out where it can be.
    is_field: bool,
    error: PhantomData<E>,
}

impl<E> StandIn<E> {
    fn new() -> Self {
        Self { is_field: false, error: PhantomData }
    }
}

impl<E: de::Error> IntoDeserializer<'_, E> for StandIn<E> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! given {
    ($($method:ident gives $visit:ident($value:expr);)+) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
            visitor.$visit($value)
        }
    )+ };
}

impl<'de, E: de::Error> Deserializer<'de> for StandIn<E> {
    type Error = E;

    given! {
        deserialize_any gives visit_str(STAND_IN);
        deserialize_bool gives visit_bool(false);
        deserialize_i8 gives visit_u64(1);
        deserialize_i16 gives visit_u64(1);
        deserialize_i32 gives visit_u64(1);
        deserialize_i64 gives visit_u64(1);
        deserialize_u8 gives visit_u64(1);
        deserialize_u16 gives visit_u64(1);
        deserialize_u32 gives visit_u64(1);
        deserialize_u64 gives visit_u64(1);
        deserialize_f32 gives visit_f64(1.0);
        deserialize_f64 gives visit_f64(1.0);
        deserialize_seq gives visit_seq(SeqDeserializer::<_, E>::new(std::iter::empty::<&str>()));
        deserialize_map gives visit_map(MapDeserializer::<_, E>::new(std::iter::empty::<(&str, &str)>()));
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        if self.is_field { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_unit()
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        let field = |name: &&'static str| (*name, Self { is_field: true, error: PhantomData });
        visitor.visit_map(MapDeserializer::<_, E>::new(fields.iter().map(field)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        visitor.visit_enum(StrDeserializer::<E>::new(words.first().copied().unwrap_or_default()))
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit_struct newtype_struct tuple tuple_struct identifier ignored_any
    }
}
