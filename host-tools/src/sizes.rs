//! The sizes of an encoder, as one writes them: `2x128x2x512`.

use std::str::FromStr;

use thiserror::Error;

use crate::checkpoint::FloatModel;

/// Layers, hidden size, attention heads and intermediate size of an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub layers: usize,
    pub hidden: usize,
    pub heads: usize,
    pub intermediate: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SizesError {
    #[error(
        "\"{0}\" is no shape: give tiny, mini, small or LAYERSxHIDDENxHEADSxINTERMEDIATE such as \
         2x128x2x512"
    )]
    Unknown(String),
    #[error("a hidden size of {hidden} is no multiple of {heads} heads: give one that is")]
    Heads { hidden: usize, heads: usize },
}

impl FromStr for Sizes {
    type Err = SizesError;

    /// Those with names are miniatures of Turc et al., arXiv 1908.08962.
    fn from_str(text: &str) -> Result<Self, SizesError> {
        let [layers, hidden, heads, intermediate] = match text {
            "tiny" => [2, 128, 2, 512],
            "mini" => [4, 256, 4, 1024],
            "small" => [4, 512, 8, 2048],
            _ => {
                let numbers = text.split('x').map(|number| number.trim().parse().ok());
                let numbers = numbers.collect::<Option<Vec<usize>>>();
                let sizes = numbers.and_then(|numbers| numbers.try_into().ok());
                let sizes = sizes.filter(|sizes: &[usize; 4]| !sizes.contains(&0));
                sizes.ok_or_else(|| SizesError::Unknown(text.into()))?
            }
        };
        match hidden.is_multiple_of(heads) {
            true => Ok(Sizes {
                layers,
                hidden,
                heads,
                intermediate,
            }),
            false => Err(SizesError::Heads { hidden, heads }),
        }
    }
}

impl Sizes {
    /// Whether an encoder can be narrowed to these: heads are kept whole, and nothing becomes larger.
    pub fn within(&self, model: &FloatModel) -> bool {
        self.hidden == self.heads * model.head_width()
            && self.hidden <= model.hidden
            && self.intermediate <= model.intermediate
            && (1..=model.layers.len()).contains(&self.layers)
            && model.word_projection.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let read = |text: &str| {
            let sizes = text.parse::<Sizes>().ok()?;
            Some([sizes.layers, sizes.hidden, sizes.heads, sizes.intermediate])
        };
        assert_eq!(read("tiny"), Some([2, 128, 2, 512]));
        assert_eq!(read("3x96x4x200"), Some([3, 96, 4, 200]));
        for text in ["", "huge", "2x128x2", "2x128x2x0", "2x100x3x9"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
