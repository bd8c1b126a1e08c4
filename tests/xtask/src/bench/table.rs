//! Figures for people and for programs.

use std::io::{self, Write};

use anyhow::Result;

use super::Row;
use super::limits::{Limit, limit};
use super::peers::peer;

/// Prints one line of JSON for each row.
pub fn print_json(rows: &[Row]) -> Result<()> {
    let mut out = io::stdout().lock();
    for row in rows {
        serde_json::to_writer(&mut out, row)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Prints a table for each target.
pub fn print(rows: &[Row]) -> Result<()> {
    let mut out = io::stdout().lock();
    for rows in rows.chunk_by(|a, b| a.target == b.target) {
        let target = &rows[0].target;
        writeln!(
            out,
            "\n{target}\n  {:24} {:22} {:>12} {:>8} {:>8}  peer",
            "what", "shape", "instructions", "each", "limit"
        )?;
        let mut whole = None;
        for row in rows {
            let instructions = row.instructions.unwrap_or_default();
            // Parts of a text say what share of it they are.
            let part = row.what.starts_with("text: ");
            if row.what == "text" {
                whole = row.instructions;
            }
            let each = match whole {
                Some(whole) if part => {
                    format!("{:.1}%", instructions as f64 * 100.0 / whole as f64)
                }
                _ => format!("{:.3}", row.each().unwrap_or_default()),
            };
            let limit = limit(row);
            let most = match limit {
                Some(Limit::Each(most)) => format!("{most:.2}"),
                Some(Limit::Millions(most)) => format!("{most:.0}M"),
                None => String::new(),
            };
            let over = limit.is_some_and(|limit| !limit.holds(row));
            writeln!(
                out,
                "  {:24} {:22} {instructions:12} {each:>8} {most:>8}{} {}",
                row.what,
                row.shape,
                if over { "!" } else { " " },
                peer(row).unwrap_or_default()
            )?;
        }
    }
    Ok(())
}
