//! Texts of any length, read in windows that overlap.
//!
//! A model has so many positions, and a scratch room for so many tokens; a text that has more is read
//! piece by piece. Windows begin and end between words where they can, and a quarter of what one
//! window reads is read again in the next. The labels of one end where it has seen an eighth of a window
//! more, and the next has seen as much of what comes before, as `run_squad.py` of google-research/bert
//! takes each token from where it has the most context; but no entity is parted that need not be.

use crate::engine::{Engine, Prediction, RunError};
use crate::heads::{Entities, Entity, TokenLabel};
use crate::text::Token;
use core::ops::Range;

/// A text on its way through a model that labels tokens.
///
/// ```
/// # use embert::{Engine, RunError, Windows};
/// # fn find(engine: &mut Engine<'_, '_>, text: &str) -> Result<(), RunError> {
/// let mut windows = Windows::new(text);
/// while let Some(window) = windows.next(engine)? {
///     for entity in window.entities() {
///         println!("{} at {}..{}", entity.label, entity.start, entity.end);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Windows<'t> {
    text: &'t str,
    /// The byte that the next window begins with; none behind the last window.
    next: Option<usize>,
    /// The byte up to which windows have given labels.
    given: usize,
}

/// What a model read in a window of a text; places are bytes of the whole text.
#[derive(Clone, Debug)]
pub struct Window<'e> {
    /// All of the window, what other windows have labels for included.
    pub reading: Prediction<'e>,
    /// The bytes of the text that this window gives labels for.
    pub owned_range: Range<usize>,
}

impl<'t> Windows<'t> {
    pub fn new(text: &'t str) -> Self {
        Windows {
            text,
            next: Some(0),
            given: 0,
        }
    }

    /// Reads the next window, as long as the engine's scratch allows; `None` behind the last. A text
    /// that fits has one window, in which the engine reads what [`Engine::run`] does.
    ///
    /// # Errors
    /// Those of [`Engine::run`].
    pub fn next<'e>(
        &mut self,
        engine: &'e mut Engine<'_, '_>,
    ) -> Result<Option<Window<'e>>, RunError> {
        let Some(from) = self.next else {
            return Ok(None);
        };
        let mut reading = engine.run_from(self.text, from)?;
        let begin = self.given;
        let more = reading.truncated.take().is_some();
        let own = reading
            .tokens
            .get(1..reading.tokens.len().saturating_sub(1));
        match own.filter(|tokens| more && !tokens.is_empty()) {
            None => {
                self.next = None;
                self.given = self.text.len();
            }
            Some(tokens) => {
                let (next, end) = seam(tokens, reading.entities());
                // Several tokens can come from one character, and a window hold no others.
                let last = tokens.last().map_or(from, |token| token.end as usize);
                let next = if next > from { next } else { last };
                self.next = Some(next);
                self.given = begin.max(end).max(next);
            }
        }
        Ok(Some(Window {
            reading,
            owned_range: begin..self.given,
        }))
    }
}

/// Where the window behind one begins, and up to where the one gives labels; `tokens` without those
/// of the template, one at least.
fn seam(tokens: &[Token], entities: Option<Entities<'_>>) -> (usize, usize) {
    let len = tokens.len();
    let byte = |at: usize| match (tokens.get(at), tokens.last()) {
        (Some(token), _) => token.start as usize,
        (None, last) => last.map_or(0, |token| token.end as usize),
    };
    let next = gap(tokens, 0, len - len / 4);
    let end = byte(gap(tokens, next, len - len / 8));
    // An entity on the seam is left to the next window, if that sees all of it.
    let split = |entity: &Entity<'_>| entity.start < end && end < entity.end;
    let end = match entities.and_then(|mut all| all.find(split)) {
        None => end,
        Some(entity) if entity.start > byte(next) => entity.start,
        Some(entity) => entity.end,
    };
    (byte(next), end)
}

/// The last token behind `first` and up to `at` that white space stands before; `at` if there is none.
fn gap(tokens: &[Token], first: usize, at: usize) -> usize {
    let apart = |&at: &usize| match tokens.get(at.wrapping_sub(1)..=at) {
        Some([before, token]) => before.end < token.start,
        _ => false,
    };
    (first + 1..=at).rev().find(apart).unwrap_or(at)
}

impl<'e> Window<'e> {
    /// The entities that this window gives: those that begin in its part of the text, in order.
    pub fn entities(&self) -> impl Iterator<Item = Entity<'e>> + use<'e> {
        let owned = self.owned_range.clone();
        let all = self.reading.entities().into_iter().flatten();
        all.filter(move |entity| owned.contains(&entity.start))
    }

    /// The tokens that this window gives labels for, without those of the template.
    pub fn labels(&self) -> impl Iterator<Item = (&'e Token, &'e TokenLabel)> + use<'e> {
        let owned = self.owned_range.clone();
        let all = self.reading.tokens.iter().zip(self.reading.labels());
        all.filter(move |(token, _)| {
            token.start < token.end && owned.contains(&(token.start as usize))
        })
    }
}
