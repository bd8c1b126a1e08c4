//! What peers take for the same work.
