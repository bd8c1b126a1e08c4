//! Text to tokens: normalization, pre-tokenization, WordPiece.
