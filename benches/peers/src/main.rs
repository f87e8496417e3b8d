//! Compares `barews` with other WebSocket crates, in memory. See README.md.

#![deny(unsafe_code)]

mod columns;
#[cfg(feature = "deflate")]
mod echo;
mod faults;
mod measure;
mod picture;
mod report;
mod streams;
mod transport;
#[cfg(feature = "deflate")]
#[expect(unsafe_code, reason = "calls C")]
mod zlib;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::ValueExt;

use crate::columns::Column;
use crate::streams::Row;

const HELP: &str = "\
Compares barews with other WebSocket crates, in memory.

  --rows PATTERN     only rows whose name contains PATTERN; a pattern with `*`, which matches
                     anything, must match the whole name; may be repeated
  --columns PATTERN  the same for columns
  --read BYTES       only this read size; may be repeated
  --rounds N         number of rounds, of which the median is taken (15)
  --json             print JSON instead of Markdown
  --output FILE      also write the Markdown to FILE, even with --json
  --picture FILE     draw an SVG to FILE
  --allocations      count allocations instead of time (needs the feature `allocations`)
";

/// The command line.
struct Options {
    rows: Vec<String>,
    columns: Vec<String>,
    reads: Vec<usize>,
    rounds: usize,
    json: bool,
    output: Option<PathBuf>,
    picture: Option<PathBuf>,
    allocations: bool,
}

impl Options {
    /// `None` if `--help` was given.
    fn parse() -> Result<Option<Self>, lexopt::Error> {
        use lexopt::Arg::{Long, Short};

        let mut options = Self {
            rows: Vec::new(),
            columns: Vec::new(),
            reads: Vec::new(),
            rounds: 15,
            json: false,
            output: None,
            picture: None,
            allocations: false,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("rows") => options.rows.push(parser.value()?.string()?),
                Long("columns") => options.columns.push(parser.value()?.string()?),
                Long("read") => options.reads.push(parser.value()?.parse()?),
                Long("rounds") => options.rounds = parser.value()?.parse::<usize>()?.max(1),
                Long("json") => options.json = true,
                Long("output") => options.output = Some(parser.value()?.into()),
                Long("picture") => options.picture = Some(parser.value()?.into()),
                Long("allocations") => options.allocations = true,
                Long("help") | Short('h') => return Ok(None),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(Some(options))
    }

    fn wants_row(&self, row: &Row) -> bool {
        let read = self.reads.is_empty() || row.read == 0 || self.reads.contains(&row.read);
        read && wanted(&row.name, &self.rows)
    }

    fn wants_column(&self, column: &Column) -> bool {
        wanted(column.name, &self.columns)
    }
}

fn wanted(name: &str, patterns: &[String]) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(name, pattern))
}

/// A substring, or with `*` a pattern for the whole name.
fn matches(name: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return name.contains(pattern) };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return name.ends_with(part);
        }
        let Some(at) = name.find(part) else { return false };
        name = &name[at + part.len()..];
    }
    true
}

fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{}", HELP.trim_end());
            return ExitCode::from(2);
        }
    };
    if let Err(error) = run(&options) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let rows = streams::rows().into_iter().filter(|row| options.wants_row(row));
    let columns: Vec<_> =
        columns::all().into_iter().filter(|column| options.wants_column(column)).collect();

    if options.allocations {
        return allocations(rows, &columns);
    }
    let mut figures = Vec::new();
    for row in rows {
        figures.extend(measure::measure(row, &columns, options.rounds));
    }
    if let Some(file) = &options.picture {
        picture::draw(file, &figures)?;
    }
    let markdown = report::markdown(&figures, &columns, options.rounds);
    if let Some(file) = &options.output {
        std::fs::write(file, &markdown)?;
    }
    if options.json {
        println!("{}", report::json(&figures)?);
    } else {
        print!("{markdown}");
    }
    Ok(())
}

#[cfg(feature = "allocations")]
fn allocations(
    rows: impl Iterator<Item = &'static Row>,
    columns: &[&'static Column],
) -> Result<(), Box<dyn Error>> {
    let figures: Vec<_> = rows.flat_map(|row| measure::allocations(row, columns)).collect();
    print!("{}", report::allocations(&figures));
    #[cfg(feature = "deflate")]
    print!("{}", report::codecs(&measure::codecs()));
    Ok(())
}

#[cfg(not(feature = "allocations"))]
fn allocations(
    _: impl Iterator<Item = &'static Row>,
    _: &[&'static Column],
) -> Result<(), Box<dyn Error>> {
    Err("build with `--features allocations`".into())
}
