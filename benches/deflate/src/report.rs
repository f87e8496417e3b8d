//! Markdown.

use std::fmt::Write as _;

use crate::columns::Column;
use crate::corpora::Corpus;
use crate::measure::Figure;

/// The figures of a corpus, with takeover or without.
pub struct Row<'c> {
    pub corpus: &'c Corpus,
    pub takeover: bool,
    pub figures: Vec<Figure>,
}

impl Row<'_> {
    fn of(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.column.name == name)
    }
}

pub fn markdown(corpora: &[Corpus], rows: &[Row<'_>], columns: &[Column]) -> String {
    let mut out = String::new();
    out += "| corpus | messages | bytes, mean | what |\n|---|--:|--:|---|\n";
    for corpus in corpora {
        let (count, len) = (corpus.messages.len(), corpus.len());
        let _ = writeln!(out, "| {} | {count} | {} | {} |", corpus.name, len / count, corpus.what);
    }
    out += "\n## Memory\n\n| column | bytes |\n|---|--:|\n";
    for column in columns {
        let _ = writeln!(out, "| {} | {} |", column.name, column.memory());
    }
    for takeover in [true, false] {
        let rows: Vec<_> = rows.iter().filter(|row| row.takeover == takeover).collect();
        let title = if takeover { "with takeover" } else { "each message alone" };
        let size = |row: &Row<'_>, figure: &Figure| figure.size as f64 / row.corpus.len() as f64;
        table(&mut out, &format!("Size, {title}, as a part of what goes in"), &rows, columns, size);
        for reference in ["zlib 1", "zlib 6"] {
            let ratio = |row: &Row<'_>, figure: &Figure| {
                row.of(reference).map_or(f64::NAN, |other| figure.size as f64 / other.size as f64)
            };
            table(&mut out, &format!("Size, {title}, {reference} = 1"), &rows, columns, ratio);
        }
        let speed = |row: &Row<'_>, figure: &Figure| row.corpus.len() as f64 * 1e3 / figure.ns;
        table(&mut out, &format!("MB/s, {title}"), &rows, columns, speed);
        let ratio = |row: &Row<'_>, figure: &Figure| {
            row.of("miniz_oxide 1").map_or(f64::NAN, |other| other.ns / figure.ns)
        };
        table(&mut out, &format!("Speed, {title}, miniz_oxide 1 = 1"), &rows, columns, ratio);
    }
    out
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
