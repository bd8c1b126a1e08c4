//! Canonical ordering of combining marks (Unicode Standard, section 3.11) without a buffer.
//!
//! Between two starters the marks are sorted by combining class, stably. A text may hold any
//! number of marks in a row, so a buffer for them has no bound. But few marks survive the
//! dropping of accents, and those have few distinct ranks: a pass over the run for each of these
//! yields them in order, in linear time.

use super::source::{Aligned, Source};
use super::unicode::{Class, Few};

/// A run of marks of which at least one survives the dropping of accents.
///
/// Alignment follows the reference, which aligns by position: once sorted, the k-th mark that is
/// the first character of a decomposition is aligned with the k-th source character of the run,
/// and marks further back in a decomposition with the source character used last.
#[derive(Clone)]
pub(super) struct MarkRun<'a> {
    /// Marks that end the decomposition of the starter in front of the run.
    trailing: Few,
    /// Position in `trailing` of the current pass.
    trailing_at: u8,
    /// The source where the run begins.
    begin: Source<'a>,
    /// Position of the current pass, which yields the marks of `rank`.
    pass: Source<'a>,
    rank: u8,
    /// The source behind the character used last for alignment, that character, and how many
    /// there are to be used until it fits the current pass.
    aligning: Source<'a>,
    aligned: Aligned,
    due: usize,
}

impl<'a> MarkRun<'a> {
    /// The run that begins at `begin`, behind the source character `base`, whose decomposition
    /// ends with the marks `trailing`. Moves `source` behind the run. `None` if nothing survives.
    pub fn new(
        trailing: Few,
        base: Aligned,
        begin: Source<'a>,
        source: &mut Source<'a>,
    ) -> Option<Self> {
        let mut survives = !trailing.as_slice().is_empty();
        *source = begin.clone();
        loop {
            let before = source.clone();
            match source.next().map(|mark| Class::of(mark.c)) {
                Some(class) if class.rank() > 0 => survives |= !class.is_nonspacing(),
                Some(_) => {
                    *source = before;
                    break;
                }
                None => break,
            }
        }
        survives.then(|| Self {
            trailing,
            // An empty pass: the first call of `next` begins the first one.
            trailing_at: u8::MAX,
            pass: source.clone(),
            rank: 0,
            aligning: begin.clone(),
            begin,
            aligned: base,
            due: 0,
        })
    }

    /// The marks from `source` to the end of the run.
    fn marks(source: &mut Source<'a>) -> impl Iterator<Item = (char, Class)> {
        source
            .map(|mark| (mark.c, Class::of(mark.c)))
            .take_while(|(_, class)| class.rank() > 0)
    }

    /// The next mark of the current pass that survives.
    fn next_of_pass(&mut self) -> Option<char> {
        while let Some(&c) = self.trailing.as_slice().get(usize::from(self.trailing_at)) {
            self.trailing_at += 1;
            if Class::of(c).rank() == self.rank {
                return Some(c);
            }
        }
        let (rank, due) = (self.rank, &mut self.due);
        Self::marks(&mut self.pass).find_map(|(c, class)| {
            let of_pass = class.rank() == rank;
            *due += usize::from(of_pass);
            (of_pass && !class.is_nonspacing()).then_some(c)
        })
    }

    /// Begins the pass of the next rank that has survivors.
    fn next_pass(&mut self) -> Option<()> {
        let trailing = self.trailing.as_slice().iter().map(|&c| Class::of(c));
        let rank = Self::marks(&mut self.begin.clone())
            .map(|(_, class)| class)
            .filter(|class| !class.is_nonspacing())
            .chain(trailing)
            .map(Class::rank)
            .filter(|&rank| rank > self.rank)
            .min()?;
        // The marks sorted in front of this pass use up source characters too. (Those up to the
        // last pass have done so.)
        self.due += Self::marks(&mut self.begin.clone())
            .filter(|(_, class)| class.rank() > self.rank && class.rank() < rank)
            .count();
        self.rank = rank;
        self.pass = self.begin.clone();
        self.trailing_at = 0;
        Some(())
    }
}

impl Iterator for MarkRun<'_> {
    type Item = Aligned;

    fn next(&mut self) -> Option<Aligned> {
        loop {
            if let Some(c) = self.next_of_pass() {
                while self.due > 0 {
                    self.due -= 1;
                    self.aligned = self.aligning.next().unwrap_or(self.aligned);
                }
                return Some(Aligned { c, ..self.aligned });
            }
            self.next_pass()?;
        }
    }
}
