//! Views of the tensors of a blob.

use super::{ParseError, Reader};
use crate::shape::{BLOCK, HeadKind, Pooling, Shape, blocks};

/// Weights that share a byte of multipliers: the two groups of a pair.
pub const PAIR: usize = 2 * BLOCK;

/// How a block of 16 columns by 16 inputs of a matrix is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `i8[16 columns][16 inputs]`: what every instruction set takes.
    #[default]
    Columns,
    /// `u8[4][16 columns][4 inputs]`, 128 more than they stand for: what `vpdpbusd` of x86-64
    /// multiplies as it lies.
    Vnni4,
    /// `u8[8 pairs of columns][16 inputs]`, 4 bits a weight, with a multiplier of 4 bits for the 16
    /// inputs of each column: what [`Kernels::expand`](crate::kernels::Kernels::expand) makes
    /// [`Format::Columns`] of.
    Nibbles,
}

impl Format {
    /// The format's number in a blob.
    pub const fn code(self) -> u32 {
        match self {
            Format::Columns => 0,
            Format::Vnni4 => 1,
            Format::Nibbles => 2,
        }
    }

    pub(super) const fn of(code: u32) -> Result<Self, ParseError> {
        match code {
            0 => Ok(Format::Columns),
            1 if cfg!(target_arch = "x86_64") => Ok(Format::Vnni4),
            1 => Err(ParseError::Target),
            2 => Ok(Format::Nibbles),
            _ => Err(ParseError::Setting),
        }
    }
}

/// A matrix in blocks, `[columns / 16][depth / 16]` of 256 bytes each; of 128 in nibbles.
///
/// `columns` (output channels) and `depth` (input channels) are multiples of 16.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    pub data: &'a [i8],
    pub columns: usize,
    pub depth: usize,
    pub format: Format,
}

/// A dense layer with int8 weights, per output channel, or with int4 weights that stand for such.
///
/// With an input row of scale `s`, channel `j` gives, in units of `unit`,
/// `s * scale * multipliers[j] * sum_k((x_k - zero point) * w_jk) + biases[j]`.
#[derive(Clone, Copy, Debug)]
pub struct Linear<'a> {
    pub weights: Matrix<'a>,
    /// Multipliers of nibbles, 8 bytes for each block; empty in other formats.
    pub groups: &'a [u8],
    /// Each channel's weight scale relative to the others', below 2^30.
    pub multipliers: &'a [i32],
    /// Sum of each channel's weights, for inputs with a zero point.
    pub column_sums: &'a [i32],
    /// In units of `unit`.
    pub biases: &'a [i32],
    pub scale: f32,
    /// What one step of the output stands for.
    pub unit: f32,
}

/// A LayerNorm whose shift has been folded into the biases that follow it.
///
/// Its output is divided by a migration scale per channel, which the next matrices take up and
/// `restore` multiplies back where the residual is added (SmoothQuant, arXiv 2211.10438).
#[derive(Clone, Copy, Debug)]
pub struct Norm<'a> {
    /// Gamma divided by the migration scale, at least 0 and below 2^30: Q31 of `2^22 * unit`.
    pub gains: &'a [i32],
    /// The migration scale with gamma's sign, magnitude below 2^30.
    pub restore: &'a [i32],
    /// What one step of the output stands for.
    pub unit: f32,
    /// What one step of `restore` in Q31 stands for.
    pub restore_scale: f32,
    /// Epsilon of the variance, in squared steps of the input.
    pub epsilon: f32,
}

/// An embedding table: rows of int8 or int4, each with a scale of its own.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    pub multipliers: &'a [u16],
    /// Multipliers of nibbles, a byte for each 32 channels of a row; empty for int8.
    groups: &'a [u8],
    data: &'a [i8],
    rows: usize,
    format: Format,
}

/// A row of an embedding table: int8, or nibbles with the multipliers of their groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableRow<'a> {
    pub values: &'a [i8],
    /// Empty for int8.
    pub groups: &'a [u8],
    pub multiplier: u16,
}

impl<'a> Table<'a> {
    fn read(
        reader: &mut Reader<'a>,
        format: Format,
        rows: usize,
        width: usize,
    ) -> Result<Self, ParseError> {
        // Bytes of a row: its numbers, and its groups.
        let (numbers, groups) = match format {
            Format::Columns => (width, 0),
            Format::Nibbles => (width.next_multiple_of(PAIR) / 2, width.div_ceil(PAIR)),
            Format::Vnni4 => return Err(ParseError::Setting),
        };
        let len = |bytes: usize| rows.checked_mul(bytes).ok_or(ParseError::Shape);
        Ok(Table {
            multipliers: reader.numbers(rows)?,
            groups: reader.bytes(len(groups)?)?,
            data: reader.numbers(len(numbers)?)?,
            rows,
            format,
        })
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// Bytes of all rows, their groups and multipliers apart.
    pub fn bytes(&self) -> [usize; 3] {
        [
            size_of_val(self.data),
            size_of_val(self.groups),
            size_of_val(self.multipliers),
        ]
    }

    /// Row `index`; one that does not exist is empty.
    pub fn row(&self, index: usize) -> TableRow<'a> {
        match self.multipliers.get(index) {
            Some(&multiplier) => TableRow {
                values: part(self.data, index, self.rows),
                groups: part(self.groups, index, self.rows),
                multiplier,
            },
            None => TableRow::default(),
        }
    }
}

/// Part `index` of `parts` equal ones.
fn part<T>(all: &[T], index: usize, parts: usize) -> &[T] {
    let len = all.len() / parts.max(1);
    let start = index.saturating_mul(len);
    all.get(start..start.saturating_add(len))
        .unwrap_or_default()
}

impl<'a> Linear<'a> {
    pub(crate) fn read(
        reader: &mut Reader<'a>,
        columns: usize,
        depth: usize,
        int4: bool,
    ) -> Result<Self, ParseError> {
        let format = Format::of(reader.setting()?)?;
        let [scale, unit, ..] = reader.scales()?;
        let len = columns.checked_mul(depth).ok_or(ParseError::Shape)?;
        let (groups, bytes) = match format {
            Format::Columns | Format::Vnni4 => (0, len),
            // Nobody would have planned memory to expand them in.
            Format::Nibbles if !int4 => return Err(ParseError::Setting),
            Format::Nibbles => (len / PAIR, len / 2),
        };
        Ok(Linear {
            scale,
            unit,
            multipliers: reader.multipliers(columns)?,
            column_sums: reader.numbers(columns)?,
            biases: reader.numbers(columns)?,
            groups: reader.bytes(groups)?,
            weights: Matrix {
                data: reader.numbers(bytes)?,
                columns,
                depth,
                format,
            },
        })
    }
}

impl<'a> Norm<'a> {
    fn read(reader: &mut Reader<'a>, width: usize) -> Result<Self, ParseError> {
        let [unit, restore_scale, epsilon, _] = reader.scales()?;
        Ok(Norm {
            unit,
            restore_scale,
            epsilon,
            gains: reader.multipliers(width)?,
            restore: reader.signed_multipliers(width)?,
        })
    }
}

/// Word, position and segment embeddings, in one common unit, and their LayerNorm.
#[derive(Clone, Copy, Debug)]
pub struct Embeddings<'a> {
    /// `[vocabulary x hidden]`, or `[vocabulary x rank]` in a unit of its own.
    pub word: Table<'a>,
    /// `[hidden x rank]`, into the common unit, where there is a rank.
    pub projection: Option<Linear<'a>>,
    pub position: Table<'a>,
    pub segment: Table<'a>,
    pub norm: Norm<'a>,
}

impl<'a> Embeddings<'a> {
    pub(crate) fn read(
        reader: &mut Reader<'a>,
        shape: &Shape,
        [word, position, segment]: [Format; 3],
    ) -> Result<Self, ParseError> {
        let width = shape.hidden_blocks();
        Ok(Embeddings {
            word: Table::read(reader, word, shape.vocabulary, shape.word_blocks())?,
            projection: match shape.rank {
                0 => None,
                _ => Some(Linear::read(reader, width, shape.word_blocks(), false)?),
            },
            position: Table::read(reader, position, shape.positions, width)?,
            segment: Table::read(reader, segment, shape.segments, width)?,
            norm: Norm::read(reader, width)?,
        })
    }
}

/// One encoder layer.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    pub query: Linear<'a>,
    pub key: Linear<'a>,
    pub value: Linear<'a>,
    pub attention_output: Linear<'a>,
    pub attention_norm: Norm<'a>,
    pub intermediate: Linear<'a>,
    /// The unit of `intermediate` is `2^-fraction_bits`, 4 to 12 bits.
    pub fraction_bits: u32,
    pub output: Linear<'a>,
    pub output_norm: Norm<'a>,
}

/// `n` with `unit = 2^-n`, if it is one and in the range the activation kernels take.
fn fraction_bits(unit: f32) -> Result<u32, ParseError> {
    let bits = 127u32.wrapping_sub(unit.to_bits() >> 23);
    let power_of_two = unit.to_bits() & 0x7f_ffff == 0;
    match bits {
        4..=12 if power_of_two => Ok(bits),
        _ => Err(ParseError::Scale),
    }
}

impl<'a> Layer<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>, shape: &Shape) -> Result<Self, ParseError> {
        let hidden = shape.hidden_blocks();
        let attention = shape.attention_blocks();
        let inner = shape.intermediate_blocks();
        let linear = |reader: &mut Reader<'a>, columns, depth| {
            Linear::read(reader, columns, depth, shape.has_int4)
        };
        let query = linear(reader, attention, hidden)?;
        let key = linear(reader, attention, hidden)?;
        let value = linear(reader, attention, hidden)?;
        let attention_output = linear(reader, hidden, attention)?;
        let attention_norm = Norm::read(reader, hidden)?;
        let intermediate = linear(reader, inner, hidden)?;
        Ok(Layer {
            query,
            key,
            value,
            attention_output,
            attention_norm,
            fraction_bits: fraction_bits(intermediate.unit)?,
            intermediate,
            output: linear(reader, hidden, inner)?,
            output_norm: Norm::read(reader, hidden)?,
        })
    }
}

/// How a sum of hidden states becomes an embedding: what one step stands for, and the last
/// LayerNorm's shift, in those steps.
#[derive(Clone, Copy, Debug)]
pub struct Readout<'a> {
    pub unit: f32,
    pub shift: &'a [i32],
}

/// What turns hidden states into results.
#[derive(Clone, Copy, Debug)]
pub struct HeadTensors<'a> {
    pub pooler: Option<Linear<'a>>,
    /// Of texts.
    pub classifier: Option<Linear<'a>>,
    /// Of tokens: an output for each label, or for the start and the end of an answer.
    pub token_classifier: Option<Linear<'a>>,
    pub readout: Option<Readout<'a>>,
}

impl<'a> HeadTensors<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>, shape: &Shape) -> Result<Self, ParseError> {
        let hidden = shape.hidden_blocks();
        let mut linear = |columns| match columns {
            0 => Ok(None),
            columns => Linear::read(reader, columns, hidden, false).map(Some),
        };
        let pooler = linear(if shape.has_pooler { hidden } else { 0 })?;
        let classifier = linear(blocks(shape.text_outputs()))?;
        let token_classifier = linear(blocks(shape.token_outputs()))?;
        let readout = match (shape.head, shape.pooling) {
            (HeadKind::Embedding, Pooling::Mean | Pooling::Cls) => {
                let [unit, ..] = reader.scales()?;
                let shift = reader.numbers(hidden)?;
                Some(Readout { unit, shift })
            }
            _ => None,
        };
        Ok(HeadTensors {
            pooler,
            classifier,
            token_classifier,
            readout,
        })
    }
}
