//! Compares `barews::deflate` with other compressors and decompressors. See README.md.

#![deny(unsafe_code)]

mod columns;
mod compressors;
mod corpora;
mod inflaters;
mod measure;
mod report;

use std::process::ExitCode;

use lexopt::ValueExt;

use crate::columns::Column;
use crate::report::Row;

const HELP: &str = "\
Compares the compressor and decompressor of barews with other crates, in memory.

  --columns PATTERN  only columns whose name contains PATTERN; may be repeated
  --corpora PATTERN  only corpora whose name contains PATTERN; may be repeated
  --rounds N         number of rounds, of which the median is taken (9)
  --record           also write records/deflate.md
";

/// What the command line asks for.
struct Options {
    columns: Vec<String>,
    corpora: Vec<String>,
    rounds: usize,
    record: bool,
}

impl Options {
    /// `None` if help was asked for.
    fn parse() -> Result<Option<Self>, lexopt::Error> {
        use lexopt::Arg::{Long, Short};

        let mut options =
            Self { columns: Vec::new(), corpora: Vec::new(), rounds: 9, record: false };
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("columns") => options.columns.push(parser.value()?.string()?),
                Long("corpora") => options.corpora.push(parser.value()?.string()?),
                Long("rounds") => options.rounds = parser.value()?.parse()?,
                Long("record") => options.record = true,
                Long("help") | Short('h') => return Ok(None),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(Some(options))
    }
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

fn run(options: &Options) -> std::io::Result<()> {
    let rounds = options.rounds;
    let wants = |wanted: &[String], name: &str| {
        wanted.is_empty() || wanted.iter().any(|pattern| name.contains(pattern.as_str()))
    };
    let of = |columns: &[Column]| -> Vec<Column> {
        columns.iter().copied().filter(|column| wants(&options.columns, column.name)).collect()
    };
    let (compressors, inflaters) = (of(compressors::ALL), of(inflaters::ALL));
    let mut corpora = corpora::all();
    corpora.retain(|corpus| wants(&options.corpora, corpus.name));
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
    if options.record {
        let head = "# Compressors and inflaters beside each other\n\nMade by `--record`; `benches/deflate/README.md` says how.\n\n";
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../records/deflate.md"),
            head.to_owned() + &markdown,
        )?;
    }
    Ok(())
}
