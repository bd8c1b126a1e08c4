//! Figures for people and for programs.

use std::io::{self, Write};

use anyhow::Result;

use super::Row;

/// Prints rows as a table, or one line of JSON each.
pub fn print(rows: &[Row], json: bool) -> Result<()> {
    let mut out = io::stdout().lock();
    for row in rows {
        if json {
            serde_json::to_writer(&mut out, row)?;
            writeln!(out)?;
            continue;
        }
        let instructions = row.instructions.unwrap_or_default();
        let each = row.each().unwrap_or_default();
        let Row {
            target,
            what,
            shape,
            ..
        } = row;
        writeln!(
            out,
            "{target:24} {what:24} {shape:22} {instructions:12} {each:9.3}"
        )?;
    }
    Ok(())
}
