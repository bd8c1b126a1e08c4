//! Blobs of any shape whose tensors are random: consistent, but no model.

use embert::blob::{ALIGNMENT, Format, HEADER_LEN, MAGIC, PAIR, VERSION};
use embert::kernels::scalar;
use embert::{HeadKind, Pooling, Shape, blocks};

use crate::blobs::{Aligned, sign};

/// A blob and where its scales lie.
pub struct Synthetic {
    pub blob: Aligned,
    /// Where each record's four scales begin.
    pub scales: Vec<usize>,
    /// Where the formats of weights are.
    pub settings: Vec<usize>,
}

/// How wild the random numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wildness {
    /// Scales near one, so that results are finite.
    Tame,
    /// The extremes that still parse.
    Wild,
}

/// A blob of `shape`, its matrices and tables int4 where the shape says so. Pieces are of two
/// letters: `aa`, `ab` and so on by their ids.
///
/// # Panics
/// For a vocabulary of less than 3 or more than 676 pieces.
pub fn blob(shape: &Shape, flags: u8, activation: u8, seed: u64, wildness: Wildness) -> Synthetic {
    written(shape, flags, activation, seed, wildness, shape.has_int4)
}

/// The same blob with its int4 weights expanded to int8.
///
/// # Panics
/// As [`blob`].
pub fn expanded(
    shape: &Shape,
    flags: u8,
    activation: u8,
    seed: u64,
    wildness: Wildness,
) -> Synthetic {
    written(shape, flags, activation, seed, wildness, false)
}

fn written(
    shape: &Shape,
    flags: u8,
    activation: u8,
    seed: u64,
    wildness: Wildness,
    int4: bool,
) -> Synthetic {
    assert!((3..=26 * 26).contains(&shape.vocabulary));
    let mut writer = Writer {
        bytes: vec![0; HEADER_LEN],
        scales: Vec::new(),
        settings: Vec::new(),
        random: Random(seed),
        wildness,
        int4,
    };
    let vocabulary = vocabulary(shape.vocabulary);
    let mut labels = Vec::new();
    let names = shape.labels + shape.token_labels;
    let kinds = match shape.iob2 {
        true => ["B-L", "I-L"],
        false => ["L"; 2],
    };
    let ends = (1..=names as u32).map(|label| label * kinds[0].len() as u32);
    labels.extend(ends.flat_map(u32::to_le_bytes));
    let repeated = kinds.iter().cycle().take(names);
    labels.extend(repeated.flat_map(|name| name.bytes()));
    let lengths = [vocabulary.len(), labels.len(), 0];
    writer.section(&vocabulary);
    writer.section(&labels);

    let (hidden, attention) = (shape.hidden_blocks(), shape.attention_blocks());
    let intermediate = shape.intermediate_blocks();
    writer.table(shape, shape.vocabulary, shape.word_blocks());
    if shape.rank > 0 {
        writer.linear(hidden, shape.word_blocks(), None);
    }
    writer.table(shape, shape.positions, hidden);
    writer.table(shape, shape.segments, hidden);
    writer.norm(hidden);
    for _ in 0..shape.layers {
        for _ in 0..3 {
            writer.layer(shape, attention, hidden, None);
        }
        writer.layer(shape, hidden, attention, None);
        writer.norm(hidden);
        writer.layer(shape, intermediate, hidden, Some(1.0 / 256.0));
        writer.layer(shape, hidden, intermediate, None);
        writer.norm(hidden);
    }
    if shape.has_pooler {
        writer.linear(hidden, hidden, None);
    }
    for outputs in [shape.text_outputs(), shape.token_outputs()] {
        if outputs > 0 {
            writer.linear(blocks(outputs), hidden, None);
        }
    }
    if shape.head == HeadKind::Embedding && shape.pooling != Pooling::Pooler {
        writer.scales(None);
        writer.noise(4 * hidden);
    }

    let Writer {
        mut bytes,
        scales,
        settings,
        ..
    } = writer;
    let header = header(shape, flags, activation, lengths, int4);
    bytes[..HEADER_LEN].copy_from_slice(&header);
    sign(&mut bytes);
    Synthetic {
        blob: Aligned::copy(&bytes),
        scales,
        settings,
    }
}

fn header(
    shape: &Shape,
    mut flags: u8,
    activation: u8,
    lengths: [usize; 3],
    int4: bool,
) -> Vec<u8> {
    if shape.has_pooler {
        flags |= embert::blob::flags::POOLER;
    }
    if int4 {
        flags |= embert::blob::flags::INT4;
    }
    let mut header = MAGIC.to_vec();
    header.extend(VERSION.to_le_bytes());
    header.extend([0; 8]);
    header.extend([shape.head as u8, activation, shape.pooling as u8, flags]);
    let sizes = [
        shape.layers,
        shape.hidden,
        shape.heads,
        shape.intermediate,
        shape.vocabulary,
        shape.positions,
        shape.segments,
        shape.labels,
    ];
    let special = [2, 0, 1, u32::MAX as usize, u32::MAX as usize, 100];
    let numbers = sizes.iter().chain(&special).chain(&lengths);
    header.extend(numbers.flat_map(|&n| (n as u32).to_le_bytes()));
    if int4 {
        header.extend([Format::Nibbles.code() as u8; 3]);
    }
    header.resize(95, 0);
    header.push(shape.iob2.into());
    header.extend((shape.rank as u32).to_le_bytes());
    header.extend((shape.token_labels as u32).to_le_bytes());
    header.resize(HEADER_LEN, 0);
    header
}

/// One tree, of a node for every first letter with its second letters below; no byte has a code.
fn vocabulary(pieces: usize) -> Vec<u8> {
    const ENDS: u8 = 0x20;
    const LAST: u8 = 0x40;
    const PARENT: u8 = 0x80;
    let last = |last: bool| if last { LAST } else { 0 };
    let (mut root, mut nodes) = (Vec::new(), Vec::new());
    for first in 0..pieces.div_ceil(26) {
        let seconds = (pieces - 26 * first).min(26);
        let is_last = 26 * first + seconds == pieces;
        for number in [26 * first, nodes.len()] {
            root.extend(&number.to_le_bytes()[..3]);
        }
        nodes.extend([PARENT | last(is_last), b'a' + first as u8]);
        if !is_last {
            nodes.extend([0, seconds as u8, 0, 2 * seconds as u8, 0, 0]);
        }
        for second in 0..seconds {
            nodes.extend([ENDS | last(second + 1 == seconds), b'a' + second as u8]);
        }
    }
    let firsts = [b'a', b'a' + ((pieces - 1) / 26) as u8];
    let tree = [&firsts[..], &root, &nodes].concat();
    let mut section = Vec::new();
    for number in [pieces, pieces, 0, 0, tree.len(), 0, 0] {
        section.extend((number as u32).to_le_bytes());
    }
    section.extend([0; 32]);
    section.extend(tree);
    section
}

/// Knuth's generator (MMIX), its upper bits.
pub struct Random(pub u64);

impl Random {
    /// A number in `0..below`.
    pub fn below(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 33) * below as u64) >> 31) as usize
    }
}

struct Writer {
    bytes: Vec<u8>,
    scales: Vec<usize>,
    settings: Vec<usize>,
    random: Random,
    wildness: Wildness,
    /// Whether int4 is written as such, or expanded.
    int4: bool,
}

impl Writer {
    fn section(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let end = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(end, 0);
    }

    fn noise(&mut self, len: usize) {
        let bytes = self.random_bytes(len);
        self.section(&bytes);
    }

    fn scales(&mut self, second: Option<f32>) {
        self.scales.push(self.bytes.len());
        let choices: &[f32] = match self.wildness {
            Wildness::Tame => &[0.5, 0.01, 1.0],
            Wildness::Wild => &[1e-12, 1e12, 1.0, 3.7e-5, 1e6],
        };
        let mut scales = [0.0; 4].map(|_: f32| choices[self.random.below(choices.len())]);
        if let Some(second) = second {
            scales[1] = second;
        }
        self.section(&scales.map(f32::to_le_bytes).concat());
    }

    /// Multipliers in `0..2^30`.
    fn multipliers(&mut self, count: usize) {
        let numbers: Vec<u8> = (0..count)
            .flat_map(|_| (self.random.below(1 << 30) as u32).to_le_bytes())
            .collect();
        self.section(&numbers);
    }

    fn norm(&mut self, width: usize) {
        self.scales(None);
        self.multipliers(width);
        self.multipliers(width);
    }

    fn random_bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.random.below(256) as u8).collect()
    }

    fn table(&mut self, shape: &Shape, rows: usize, width: usize) {
        self.noise(2 * rows);
        match shape.has_int4 {
            true => self.nibbles(rows, width),
            false => self.noise(rows * width),
        }
    }

    /// Rows of int4 numbers.
    fn nibbles(&mut self, rows: usize, width: usize) {
        let pairs = width.div_ceil(PAIR);
        let (groups, nibbles) = (
            self.random_bytes(rows * pairs),
            self.random_bytes(rows * pairs * PAIR / 2),
        );
        if self.int4 {
            self.section(&groups);
            self.section(&nibbles);
            return;
        }
        let mut row = vec![0i8; pairs * PAIR];
        let mut numbers = Vec::<i8>::new();
        for (groups, nibbles) in groups.chunks(pairs).zip(nibbles.chunks(pairs * PAIR / 2)) {
            scalar::expand(bytemuck::cast_slice(nibbles), groups, &mut row);
            numbers.extend(&row[..width]);
        }
        self.section(bytemuck::cast_slice(&numbers));
    }

    /// A layer of the encoder: one in two is int4, where the shape says that some are.
    fn layer(&mut self, shape: &Shape, columns: usize, depth: usize, unit: Option<f32>) {
        if !shape.has_int4 || self.random.below(2) == 0 {
            return self.linear(columns, depth, unit);
        }
        let groups = self.random_bytes(columns * depth / PAIR);
        let nibbles = self.random_bytes(columns * depth / 2);
        let mut weights = vec![0; columns * depth];
        scalar::expand(bytemuck::cast_slice(&nibbles), &groups, &mut weights);
        match self.int4 {
            true => {
                self.constants(Format::Nibbles, &weights, columns, unit);
                self.section(&groups);
                self.section(&nibbles);
            }
            false => {
                self.constants(Format::Columns, &weights, columns, unit);
                self.section(bytemuck::cast_slice(&weights));
            }
        }
    }

    fn linear(&mut self, columns: usize, depth: usize, unit: Option<f32>) {
        let weights = self.random_bytes(columns * depth);
        let weights: &[i8] = bytemuck::cast_slice(&weights);
        self.constants(Format::Columns, weights, columns, unit);
        self.section(bytemuck::cast_slice(weights));
    }

    /// What stands before a layer's weights.
    fn constants(&mut self, format: Format, weights: &[i8], columns: usize, unit: Option<f32>) {
        let depth = weights.len() / columns;
        self.settings.push(self.bytes.len());
        self.section(&format.code().to_le_bytes());
        self.scales(unit);
        self.multipliers(columns);
        // Blocks of 16 columns, in them 16 inputs of each column at a time.
        let sums: Vec<u8> = (0..columns)
            .flat_map(|column| {
                let block = &weights[column / 16 * 16 * depth..][..16 * depth];
                let inputs = block.chunks_exact(16).skip(column % 16).step_by(16);
                let sum: i32 = inputs.flatten().map(|&w| i32::from(w)).sum();
                sum.to_le_bytes()
            })
            .collect();
        self.section(&sums);
        self.noise(4 * columns);
    }
}
