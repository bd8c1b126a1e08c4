//! A checked blob.

use crate::blob::{
    CHECKSUM_FROM, Crc32, Embeddings, HEADER_LEN, HeadTensors, Header, Labels, Layer, Norm,
    ParseError, Reader, flags,
};
use crate::shape::Shape;
use crate::text::{Normalizer, Tokenizer, TokenizerParts, Vocabulary};

/// A model in a blob that has been checked; it borrows the blob and copies nothing of it.
#[derive(Clone, Copy)]
pub struct Model<'a> {
    blob: &'a [u8],
    header: Header,
    tokenizer: Tokenizer<'a>,
    labels: Labels<'a>,
    about: &'a str,
    embeddings: Embeddings<'a>,
    layers: Reader<'a>,
    head: HeadTensors<'a>,
}

impl<'a> Model<'a> {
    /// Checks a blob and gives the model in it.
    ///
    /// Total: any bytes give an error or a model that runs within its bounds. Time is linear in
    /// the vocabulary and the scales; weights and checksum are not read (see
    /// [`verify`](Self::verify)), so that a large model starts at once.
    pub fn parse(blob: &'a [u8]) -> Result<Self, ParseError> {
        let header = Header::read(blob)?;
        if !blob.as_ptr().addr().is_multiple_of(crate::blob::ALIGNMENT) {
            return Err(ParseError::Misaligned);
        }
        if header.length != blob.len() {
            return Err(ParseError::Length {
                expected: header.length,
                found: blob.len(),
            });
        }
        let shape = &header.shape;
        let mut reader = Reader::new(blob);
        reader.bytes(HEADER_LEN)?;
        let vocabulary = reader.bytes(header.vocabulary_len)?;
        let tokenizer = tokenizer(&header, vocabulary)?;
        let names = shape.labels.saturating_add(shape.token_labels);
        let labels = Labels::read(reader.bytes(header.labels_len)?, names)?;
        let about =
            core::str::from_utf8(reader.bytes(header.about_len)?).map_err(|_| ParseError::About)?;
        let embeddings = Embeddings::read(&mut reader, shape, header.tables)?;
        let layers = reader;
        for _ in 0..shape.layers {
            Layer::read(&mut reader, shape)?;
        }
        let head = HeadTensors::read(&mut reader, shape)?;
        if !reader.rest().is_empty() {
            return Err(ParseError::Length {
                expected: blob.len() - reader.rest().len(),
                found: blob.len(),
            });
        }
        Ok(Model {
            blob,
            header,
            tokenizer,
            labels,
            about,
            embeddings,
            layers,
            head,
        })
    }

    /// Whether the blob's bytes are those that were written: compares the CRC-32.
    ///
    /// Reads the whole blob; worth it once after flashing or at boot. Hosts with a faster
    /// CRC-32 at hand can compare [`checksummed`](Self::checksummed) themselves.
    pub fn verify(&self) -> bool {
        let (bytes, expected) = self.checksummed();
        let mut crc = Crc32::new();
        crc.update(bytes);
        crc.finish() == expected
    }

    /// The bytes that the checksum covers, and the CRC-32 they should have.
    pub fn checksummed(&self) -> (&'a [u8], u32) {
        let bytes = self.blob.get(CHECKSUM_FROM..).unwrap_or_default();
        (bytes, self.header.checksum)
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    pub fn shape(&self) -> &Shape {
        &self.header.shape
    }

    pub fn tokenizer(&self) -> &Tokenizer<'a> {
        &self.tokenizer
    }

    /// The labels of texts where the head has some for tokens too, else all there are.
    pub fn labels(&self) -> Labels<'a> {
        self.labels.split_at(self.header.shape.labels).0
    }

    /// The labels of tokens, none where the head has no labels for them.
    pub fn token_labels(&self) -> Labels<'a> {
        let texts = self.header.shape.text_outputs();
        self.labels.split_at(texts).1
    }

    /// Where the model came from and what its licence asks to be said.
    pub fn about(&self) -> &'a str {
        self.about
    }

    pub fn embeddings(&self) -> &Embeddings<'a> {
        &self.embeddings
    }

    /// The encoder layers in order. All of them: `parse` has read every one the same way.
    pub fn layers(&self) -> impl Iterator<Item = Layer<'a>> + use<'a> {
        let (mut reader, shape) = (self.layers, self.header.shape);
        (0..shape.layers).map_while(move |_| Layer::read(&mut reader, &shape).ok())
    }

    /// The norm that the last hidden states came out of.
    pub(crate) fn last_norm(&self) -> Norm<'a> {
        self.layers()
            .last()
            .map_or(self.embeddings.norm, |layer| layer.output_norm)
    }

    pub fn head(&self) -> &HeadTensors<'a> {
        &self.head
    }
}

fn tokenizer<'a>(header: &Header, vocabulary: &'a [u8]) -> Result<Tokenizer<'a>, ParseError> {
    let vocabulary = Vocabulary::parse(vocabulary).map_err(|_| ParseError::Vocabulary)?;
    if vocabulary.len() != header.shape.vocabulary {
        return Err(ParseError::Vocabulary);
    }
    let parts = TokenizerParts {
        vocabulary,
        normalizer: Normalizer {
            clean_text: header.flag(flags::CLEAN_TEXT),
            handle_chinese_chars: header.flag(flags::HANDLE_CHINESE_CHARS),
            strip_accents: header.flag(flags::STRIP_ACCENTS),
            lowercase: header.flag(flags::LOWERCASE),
        },
        cls: header.cls,
        sep: header.sep,
        unk: header.unknown,
        max_word_chars: header.max_input_chars_per_word,
    };
    Tokenizer::new(parts).map_err(|_| ParseError::SpecialToken)
}
