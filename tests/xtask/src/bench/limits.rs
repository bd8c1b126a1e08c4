//! What may not be exceeded.
