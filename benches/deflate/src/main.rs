//! Compares `barews::deflate` with other compressors and decompressors. See README.md.

#![deny(unsafe_code)]

mod columns;
mod compressors;
mod corpora;
mod inflaters;
mod measure;
mod report;

use std::error::Error;

use lexopt::ValueExt;

use crate::columns::Column;
use crate::report::Row;

const HELP: &str = "\
Compares the compressor and decompressor of barews with other crates, in memory.

  --columns PATTERN  only columns whose name contains PATTERN; may be repeated
  --corpora PATTERN  only corpora whose name contains PATTERN; may be repeated
  --rounds N         number of rounds, of which the median is taken (9)
  --record           also write RESULTS.md
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
    let of = |columns: &[Column]| -> Vec<Column> {
        columns.iter().copied().filter(|column| wants(&wanted_columns, column.name)).collect()
    };
    let (compressors, inflaters) = (of(compressors::ALL), of(inflaters::ALL));
    let mut corpora = corpora::all();
    corpora.retain(|corpus| wants(&wanted_corpora, corpus.name));
    let (mut compressed, mut inflated) = (Vec::new(), Vec::new());
    for corpus in &corpora {
        for takeover in [true, false] {
            let figures = measure::compress(corpus, takeover, &compressors, rounds);
            compressed.push(Row { corpus, takeover, figures });
            let figures = measure::inflate(corpus, takeover, &inflaters, rounds);
            inflated.push(Row { corpus, takeover, figures });
        }
    }
    let markdown = report::corpora(&corpora)
        + &report::compressors(&compressed, &compressors)
        + &report::inflaters(&inflated, &inflaters);
    print!("{markdown}");
    if record {
        let head = "# Benchmark results: compression and decompression\n\nWritten by `--record`; see README.md.\n\n";
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../records/deflate.md"),
            head.to_owned() + &markdown,
        )?;
    }
    Ok(())
}
