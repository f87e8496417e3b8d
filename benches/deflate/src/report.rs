//! Formats the results as Markdown.

use std::fmt::Write as _;

use crate::columns::Column;
use crate::corpora::Corpus;
use crate::measure::Figure;

/// The figures for a corpus, with or without takeover.
pub struct Row<'c> {
    pub corpus: &'c Corpus,
    pub takeover: bool,
    pub figures: Vec<Figure>,
}

const TITLES: [(bool, &str); 2] = [(true, "with takeover"), (false, "each message alone")];

impl Row<'_> {
    fn of(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.column.name == name)
    }
}

pub fn corpora(corpora: &[Corpus]) -> String {
    let mut out = "| corpus | messages | bytes, mean | what |\n|---|--:|--:|---|\n".to_owned();
    for corpus in corpora {
        let (count, len) = (corpus.messages.len(), corpus.len());
        let _ = writeln!(out, "| {} | {count} | {} | {} |", corpus.name, len / count, corpus.what);
    }
    out
}

pub fn compressors(rows: &[Row<'_>], columns: &[Column]) -> String {
    let mut out = String::new();
    memory(&mut out, columns, "a compressor", b"Hello");
    for (takeover, title) in TITLES {
        let rows: Vec<_> = rows.iter().filter(|row| row.takeover == takeover).collect();
        let size = |row: &Row<'_>, figure: &Figure| figure.size as f64 / row.corpus.len() as f64;
        table(&mut out, &format!("Size, {title}, as a part of what goes in"), &rows, columns, size);
        for reference in ["zlib 1", "zlib 6"] {
            let ratio = |row: &Row<'_>, figure: &Figure| {
                row.of(reference).map_or(f64::NAN, |other| figure.size as f64 / other.size as f64)
            };
            table(&mut out, &format!("Size, {title}, {reference} = 1"), &rows, columns, ratio);
        }
        speeds(&mut out, "compressed", title, "miniz_oxide 1", &rows, columns);
    }
    out
}

pub fn inflaters(rows: &[Row<'_>], columns: &[Column]) -> String {
    let mut out = String::new();
    // The example of RFC 7692 §7.2.3.1.
    memory(&mut out, columns, "an inflater", &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    for (takeover, title) in TITLES {
        let rows: Vec<_> = rows.iter().filter(|row| row.takeover == takeover).collect();
        speeds(&mut out, "inflated", title, "miniz_oxide", &rows, columns);
    }
    out
}

fn memory(out: &mut String, columns: &[Column], of: &str, first: &[u8]) {
    let _ = write!(out, "\n## Memory of {of}\n\n| column | bytes |\n|---|--:|\n");
    for column in columns {
        let _ = writeln!(out, "| {} | {} |", column.name, column.memory(first));
    }
}

fn speeds(
    out: &mut String,
    done: &str,
    title: &str,
    reference: &str,
    rows: &[&Row<'_>],
    columns: &[Column],
) {
    let speed = |row: &Row<'_>, figure: &Figure| row.corpus.len() as f64 * 1e3 / figure.ns;
    table(out, &format!("MB/s {done}, {title}"), rows, columns, speed);
    let ratio = |row: &Row<'_>, figure: &Figure| {
        row.of(reference).map_or(f64::NAN, |other| other.ns / figure.ns)
    };
    table(out, &format!("Speed, {done}, {title}, {reference} = 1"), rows, columns, ratio);
}

fn table(
    out: &mut String,
    title: &str,
    rows: &[&Row<'_>],
    columns: &[Column],
    cell: impl Fn(&Row<'_>, &Figure) -> f64,
) {
    let _ = write!(out, "\n## {title}\n\n| column |");
    for row in rows {
        let _ = write!(out, " {} |", row.corpus.name);
    }
    let _ = write!(out, "\n|---|{}\n", "--:|".repeat(rows.len()));
    for column in columns {
        let _ = write!(out, "| {} |", column.name);
        for row in rows {
            let value = row.of(column.name).map_or(f64::NAN, |figure| cell(row, figure));
            let _ = match value {
                10.0.. => write!(out, " {value:.0} |"),
                1.0.. => write!(out, " {value:.2} |"),
                _ => write!(out, " {value:.3} |"),
            };
        }
        out.push('\n');
    }
}
