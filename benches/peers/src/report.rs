//! Formats the results as Markdown and JSON.

use std::fmt::Write;

use serde_json::json;

use crate::columns::{Column, Group};
use crate::faults;
use crate::measure::Figure;
use crate::streams::Row;

/// The figures of one row.
struct Line<'f> {
    row: &'static Row,
    figures: Vec<&'f Figure>,
}

impl<'f> Line<'f> {
    /// Groups the figures by row; those of a row are contiguous.
    fn all(figures: &'f [Figure]) -> Vec<Self> {
        figures
            .chunk_by(|a, b| std::ptr::eq(a.row, b.row))
            .map(|figures| Self { row: figures[0].row, figures: figures.iter().collect() })
            .collect()
    }

    fn ns(&self, column: &str) -> Option<f64> {
        let figure = self.figures.iter().find(|figure| figure.column.name == column)?;
        figure.ns.as_ref().ok().copied()
    }

    fn is_unchecked_peer(&self, column: &Column) -> bool {
        column.group == Group::Peer
            && self.figures.iter().any(|figure| figure.column == column && !figure.checked)
    }

    /// The fastest checked peer; if there is none, the fastest peer.
    fn best(&self) -> Option<(&'f Figure, f64)> {
        let peers = || {
            self.figures
                .iter()
                .filter(|figure| figure.column.group == Group::Peer)
                .filter_map(|&figure| Some((figure, *figure.ns.as_ref().ok()?)))
        };
        let faster = |a: &(_, f64), b: &(_, f64)| a.1.total_cmp(&b.1);
        peers()
            .filter(|(figure, _)| figure.checked)
            .min_by(faster)
            .or_else(|| peers().min_by(faster))
    }

    /// The title of the table to which the line belongs, and the title of its column there.
    fn title(&self) -> (String, &str) {
        let (group, size) = match self.row.name.rsplit_once('/') {
            Some((group, size)) => (group, size),
            None => (self.row.name.as_str(), "ns"),
        };
        match self.row.read {
            0 => (group.to_string(), size),
            read => (format!("{group}, reads of {} KiB", read >> 10), size),
        }
    }
}

/// Formats with three significant digits.
fn digits(ns: f64) -> String {
    match ns {
        0.0..10.0 => format!("{ns:.2}"),
        10.0..100.0 => format!("{ns:.1}"),
        _ => format!("{ns:.0}"),
    }
}

fn ratio(of: Option<f64>, to: Option<f64>) -> String {
    match (of, to) {
        (Some(of), Some(to)) => format!("{:.2}", of / to),
        _ => "-".into(),
    }
}

/// All tables: the columns, the times, our ratios, the failures.
pub fn markdown(figures: &[Figure], columns: &[&Column], rounds: usize) -> String {
    let mut out = String::new();
    let lines = Line::all(figures);
    let _ = writeln!(
        out,
        "Nanoseconds of CPU time per message, median of {rounds} rounds. In parentheses: the ratio to the \
         best checked peer of the row, or to the best peer if none is checked. Compare ratios within a row \
         only; differences below 10 % are noise.\n",
    );
    about(&mut out, columns);
    times(&mut out, &lines, columns);
    wire(&mut out, &lines, columns);
    summary(&mut out, &lines);
    failures(&mut out, figures);
    out
}

fn about(out: &mut String, columns: &[&Column]) {
    out.push_str("## Columns\n\n");
    out.push_str("| column | version | unmasks | protocol | UTF-8 | checked | accepts | note |\n");
    out.push_str("|---|---|---|---|---|---|---|---|\n");
    let yes = |yes| if yes { "yes" } else { "no" };
    for column in columns {
        let passed: Vec<_> = match column.group {
            Group::Floor => vec!["everything"],
            Group::Ours | Group::Peer => faults::all()
                .into_iter()
                .filter(|fault| faults::is_passed(column, fault))
                .map(|fault| fault.name.as_str())
                .collect(),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            column.name,
            column.version(),
            yes(column.unmasks),
            yes(column.protocol),
            yes(column.utf8),
            yes(column.is_checked()),
            passed.join("; "),
            column.note,
        );
    }
}

fn times(out: &mut String, lines: &[Line<'_>], columns: &[&Column]) {
    // Lines of a table are not contiguous: those for other read sizes are between them.
    let mut tables: Vec<(String, Vec<&Line<'_>>)> = Vec::new();
    for line in lines {
        let (title, _) = line.title();
        match tables.iter_mut().find(|(other, _)| *other == title) {
            Some((_, lines)) => lines.push(line),
            None => tables.push((title, vec![line])),
        }
    }
    for (title, lines) in tables {
        let _ = write!(out, "\n## {title}\n\n| column |");
        for line in &lines {
            let _ = write!(out, " {} |", line.title().1);
        }
        let _ = write!(out, "\n|---|{}\n", "--:|".repeat(lines.len()));
        for column in columns {
            let of = |line: &Line<'_>| line.figures.iter().any(|figure| figure.column == *column);
            if !lines.iter().any(|line| of(line)) {
                continue;
            }
            let _ = write!(out, "| {} |", column.name);
            for line in &lines {
                let best = line.best().map(|(_, ns)| ns);
                let star = if line.is_unchecked_peer(column) { "\\*" } else { "" };
                let _ = match line.ns(column.name) {
                    Some(ns) => write!(out, " {}{star} ({}) |", digits(ns), ratio(Some(ns), best)),
                    None if of(line) => write!(out, " error |"),
                    None => write!(out, " |"),
                };
            }
            out.push('\n');
        }
    }
    out.push_str("\n\\* not checked, or accepts invalid UTF-8 in this row.\n");
}

/// The bytes on the wire, for the rows with compression.
fn wire(out: &mut String, lines: &[Line<'_>], columns: &[&Column]) {
    let lines: Vec<_> = lines
        .iter()
        .filter(|line| line.figures.iter().any(|figure| figure.wire.is_some()))
        .collect();
    if lines.is_empty() {
        return;
    }
    out.push_str("\n## Bytes on the wire per message, including the header\n\n| column |");
    for line in &lines {
        let _ = write!(out, " {} |", line.row.name);
    }
    let _ = write!(out, "\n|---|{}\n| uncompressed message |", "--:|".repeat(lines.len()));
    for line in &lines {
        let truth = line.row.truth;
        let _ = write!(out, " {} |", digits(truth.bytes as f64 / truth.messages as f64));
    }
    out.push('\n');
    for column in columns {
        let of = |line: &Line<'_>| {
            let figure = line.figures.iter().find(|figure| figure.column == *column)?;
            figure.wire.filter(|_| figure.ns.is_ok())
        };
        if lines.iter().all(|line| of(line).is_none()) {
            continue;
        }
        let _ = write!(out, "| {} |", column.name);
        for line in &lines {
            let _ = match of(line) {
                Some(bytes) => write!(out, " {} |", digits(bytes)),
                None => write!(out, " |"),
            };
        }
        out.push('\n');
    }
}

fn summary(out: &mut String, lines: &[Line<'_>]) {
    // The rows with compression have other columns.
    if lines.iter().all(|line| line.ns("barews").is_none()) {
        return;
    }
    out.push_str(
        "\n## Ours\n\n| row | read | ours, ns | best checked peer | its ns | ours ÷ best | wire ÷ best | \
         message ÷ best | ours ÷ tungstenite | ours ÷ floor |\n\
         |---|--:|--:|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for line in lines {
        let Some(ours) = line.ns("barews") else { continue };
        let best = line.best();
        let name = match best {
            Some((figure, _)) if figure.checked => figure.column.name.to_string(),
            Some((figure, _)) => format!("{} *", figure.column.name),
            None => "-".into(),
        };
        let best = best.map(|(_, ns)| ns);
        let floor = ["floor unchecked loop", "floor copy+xor", "floor memcpy"]
            .into_iter()
            .find_map(|floor| line.ns(floor));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            line.row.name,
            match line.row.read {
                0 => String::new(),
                read => read.to_string(),
            },
            digits(ours),
            name,
            best.map_or_else(|| "-".into(), digits),
            ratio(Some(ours), best),
            ratio(line.ns("barews wire"), best),
            ratio(line.ns("barews message"), best),
            ratio(Some(ours), line.ns("tungstenite")),
            ratio(Some(ours), floor),
        );
    }
    out.push_str(
        "\nThe floor is the unchecked loop for receiving, copy and XOR for a client that sends, and the \
         copy for a server that sends.\n",
    );
}

fn failures(out: &mut String, figures: &[Figure]) {
    let mut failures =
        figures.iter().filter_map(|figure| Some((figure, figure.ns.as_ref().err()?))).peekable();
    if failures.peek().is_none() {
        return;
    }
    out.push_str("\n## Failures\n\n| column | row | read | error |\n|---|---|--:|---|\n");
    for (Figure { row, column, .. }, error) in failures {
        let error = error.replace('|', "\\|");
        let _ = writeln!(out, "| {} | {} | {} | {error} |", column.name, row.name, row.read);
    }
}

/// One object per figure. A failure has `error` instead of `ns`.
pub fn json(figures: &[Figure]) -> serde_json::Result<String> {
    let objects: Vec<_> = figures
        .iter()
        .map(|Figure { row, column, ns, checked, wire }| {
            let mut object = json!({
                "row": row.name,
                "read": row.read,
                "column": column.name,
                "checked": checked,
            });
            match ns {
                Ok(ns) => object["ns"] = json!((ns * 1000.0).round() / 1000.0),
                Err(error) => object["error"] = json!(error),
            }
            if let Some(wire) = wire {
                object["wire"] = json!(wire);
            }
            object
        })
        .collect();
    serde_json::to_string_pretty(&objects)
}

/// The table of allocations.
#[cfg(feature = "allocations")]
pub fn allocations(figures: &[crate::measure::Allocations]) -> String {
    let mut columns: Vec<&Column> = Vec::new();
    for figure in figures {
        if !columns.contains(&figure.column) {
            columns.push(figure.column);
        }
    }
    let mut out = "Allocations per message in steady state.\n\n| row | read |".to_string();
    for column in &columns {
        let _ = write!(out, " {} |", column.name);
    }
    let _ = write!(out, "\n|---|--:|{}\n", "--:|".repeat(columns.len()));
    for figures in figures.chunk_by(|a, b| std::ptr::eq(a.row, b.row)) {
        let row = figures[0].row;
        let _ = write!(out, "| {} | {} |", row.name, row.read);
        for column in &columns {
            let figure = figures.iter().find(|figure| figure.column == *column);
            let _ = match figure.map(|figure| &figure.counts) {
                Some(Ok((0.0, _))) => write!(out, " 0 |"),
                Some(Ok((count, _))) => write!(out, " {count:.3} |"),
                Some(Err(_)) => write!(out, " error |"),
                None => write!(out, " |"),
            };
        }
        out.push('\n');
    }
    out
}

/// The table of the memory of codecs.
#[cfg(all(feature = "allocations", feature = "deflate"))]
pub fn codecs(held: &[(&Column, i64)]) -> String {
    let mut out =
        "\nMemory of the codecs of a connection.\n\n| column | bytes |\n|---|--:|\n".to_string();
    for (column, bytes) in held {
        let _ = writeln!(out, "| {} | {bytes} |", column.name);
    }
    out
}
