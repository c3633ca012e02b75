//! Decisions taken from octets, so that one generator serves a seeded test and a fuzz target alike.

/// Octets that decide. When they are used up, every choice is the first.
pub struct Choice<'a> {
    octets: &'a [u8],
}

impl<'a> Choice<'a> {
    pub fn new(octets: &'a [u8]) -> Self {
        Self { octets }
    }

    pub fn is_spent(&self) -> bool {
        self.octets.is_empty()
    }

    fn octet(&mut self) -> usize {
        let Some((first, rest)) = self.octets.split_first() else { return 0 };
        self.octets = rest;
        usize::from(*first)
    }

    /// A number below `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        let drawn = if end <= 256 { self.octet() } else { self.octet() * 256 + self.octet() };
        drawn % end.max(1)
    }

    /// True once in so many times, never when the octets are used up.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}
