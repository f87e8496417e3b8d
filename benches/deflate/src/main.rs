//! Measures `barews::deflate::Deflate` beside other compressors. See README.md.

#![deny(unsafe_code)]

mod columns;
mod corpora;
mod measure;
mod report;

use std::error::Error;

use lexopt::ValueExt;

use crate::report::Row;

const HELP: &str = "\
Measures barews' compressor beside others, in memory.

  --columns PATTERN  only columns whose name has PATTERN in it; may be repeated
  --corpora PATTERN  only such corpora; may be repeated
  --rounds N         rounds, of which the median is taken (9)
  --record           writes RESULTS.md as well
";

fn main() -> Result<(), Box<dyn Error>> {
    use lexopt::Arg::{Long, Short};

    let (mut wanted_columns, mut wanted_corpora) = (Vec::new(), Vec::new());
    let (mut rounds, mut record) = (9, false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("columns") => wanted_columns.push(parser.value()?.string()?),
            Long("corpora") => wanted_corpora.push(parser.value()?.string()?),
            Long("rounds") => rounds = parser.value()?.parse()?,
            Long("record") => record = true,
            Long("help") | Short('h') => {
                print!("{HELP}");
                return Ok(());
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    let wants = |wanted: &[String], name: &str| {
        wanted.is_empty() || wanted.iter().any(|pattern| name.contains(pattern.as_str()))
    };
    let columns: Vec<_> =
        columns::ALL.iter().copied().filter(|column| wants(&wanted_columns, column.name)).collect();
    let mut corpora = corpora::all();
    corpora.retain(|corpus| wants(&wanted_corpora, corpus.name));
    let mut rows = Vec::new();
    for corpus in &corpora {
        for takeover in [true, false] {
            let figures = measure::measure(corpus, takeover, &columns, rounds);
            rows.push(Row { corpus, takeover, figures });
        }
    }
    let markdown = report::markdown(&corpora, &rows, &columns);
    print!("{markdown}");
    if record {
        let head = "# Compressors beside each other\n\nMade by `--record`; README.md says how.\n\n";
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md"),
            head.to_owned() + &markdown,
        )?;
    }
    Ok(())
}
