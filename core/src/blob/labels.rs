//! The names of labels: of texts, of tokens, or the ones after the other.

use super::ParseError;

/// The names of labels.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// Where the first name begins.
    start: u32,
    ends: &'a [u32],
    names: &'a str,
}

impl<'a> Labels<'a> {
    pub(crate) fn read(section: &'a [u8], count: usize) -> Result<Self, ParseError> {
        let (ends, names) = section
            .split_at_checked(count * size_of::<u32>())
            .ok_or(ParseError::Labels)?;
        let ends: &[u32] = bytemuck::try_cast_slice(ends).map_err(|_| ParseError::Labels)?;
        let names = core::str::from_utf8(names).map_err(|_| ParseError::Labels)?;
        let mut start = 0;
        for &end in ends {
            let end = end as usize;
            if names.get(start..end).is_none() {
                return Err(ParseError::Labels);
            }
            start = end;
        }
        let start = 0;
        Ok(Labels { start, ends, names })
    }

    /// The first `count` labels, and the others.
    pub(crate) fn split_at(&self, count: usize) -> (Self, Self) {
        let (first, rest) = self.ends.split_at(count.min(self.ends.len()));
        let before = Labels {
            ends: first,
            ..*self
        };
        let behind = Labels {
            start: first.last().copied().unwrap_or(self.start),
            ends: rest,
            ..*self
        };
        (before, behind)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The name of label `index`; a label that does not exist has the empty name.
    pub fn name(&self, index: usize) -> &'a str {
        let Some(&end) = self.ends.get(index) else {
            return "";
        };
        let start = match index.checked_sub(1) {
            Some(before) => self.ends[before],
            None => self.start,
        };
        self.names.get(start as usize..end as usize).unwrap_or("")
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let labels = *self;
        (0..labels.len()).map(move |index| labels.name(index))
    }
}
