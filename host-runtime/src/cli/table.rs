//! Rows of text in columns.

use std::fmt::Write;

/// Writes `rows` behind `page`, each column as wide as its widest cell.
pub(super) fn write_table(page: &mut String, rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    // What a stone that is down has to say must not widen the columns of the others.
    let whole = |row: &&Vec<String>| row.len() == columns;
    let width = |column| {
        let cells = rows
            .iter()
            .filter(whole)
            .map(|row| cell(row, column).chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        // Writing to a string does not fail.
        let _ = writeln!(page, "{}", line.trim_end());
    }
}
