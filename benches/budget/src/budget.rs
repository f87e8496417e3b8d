//! Reads, compares and writes the budget file.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::process::Command;
use std::sync::Mutex;
use std::{fs, thread};

use crate::count::{Cost, cost};
use crate::families::{ALL, Family, LOOK_AHEAD};

/// Each implementation of the kernels has its own budget.
const FILE: &str = if cfg!(word32) {
    concat!(env!("CARGO_MANIFEST_DIR"), "/budget-word32.tsv")
} else if cfg!(feature = "simd") {
    concat!(env!("CARGO_MANIFEST_DIR"), "/budget-simd.tsv")
} else {
    concat!(env!("CARGO_MANIFEST_DIR"), "/budget.tsv")
};
const HEAD: &str = "family\tunit\tbudget\tmeasured";

/// The maximum cost of twice the input, as a ratio.
const GROWTH: f64 = 2.1;

/// The ratio of a budget to the count when it is set.
const MARGIN: f64 = 1.05;

/// A count below this fraction of its budget is an error: tighten the budget, so that the
/// improvement is kept.
const LOOSE: f64 = 0.9;

const BELOW: &str = "below: tighten with --set";

struct Figure {
    name: &'static str,
    unit: &'static str,
    each: f64,
    /// `None` for a difference of two families.
    growth: Option<f64>,
}

/// Compares all figures with the budget. False if one is above it, or far below.
pub fn check() -> Result<bool, Box<dyn Error>> {
    let text = fs::read_to_string(FILE)?;
    let budget = parse(&text)?;
    let figures = figures()?;
    let (mut above, mut below) = (0, 0);
    println!("{:30} {:>10} {:>10} {:>6} {:>6}", "family", "measured", "budget", "used", "2n/n");
    for Figure { name, unit, each, growth } in &figures {
        let (limit, verdict) = match budget.get(name) {
            None => (0.0, "NOT IN THE FILE"),
            Some(&limit) if *each > limit => (limit, "ABOVE"),
            Some(&limit) if growth.is_some_and(|growth| growth > GROWTH) => (limit, "NOT LINEAR"),
            Some(&limit) if *each < limit * LOOSE => (limit, BELOW),
            Some(&limit) => (limit, ""),
        };
        match verdict {
            "" => {}
            BELOW => below += 1,
            _ => above += 1,
        }
        let growth = growth.map_or("-".into(), |growth| format!("{growth:.2}"));
        let used = format!("{:.0}%", 100.0 * each / limit);
        let (each, limit) = (digits(*each), digits(limit));
        println!("{name:30} {each:>10} {limit:>10} {used:>6} {growth:>6}  /{unit} {verdict}");
    }
    let unknown =
        budget.keys().filter(|name| figures.iter().all(|figure| figure.name != **name)).count();
    println!(
        "{} figures, {above} above the budget, {below} far below, {unknown} unknown names in the file",
        figures.len()
    );
    if above + below > 0 && !text.contains(&compiler()?) {
        println!("the budget was set with a compiler other than {}", compiler()?);
    }
    Ok(above + below + unknown == 0)
}

/// Rewrites the file. False if a family is not linear, which no budget allows.
pub fn set() -> Result<bool, Box<dyn Error>> {
    let mut text = format!(
        "# Instructions per unit. budget: measured + 5 %, written by `scripts/check/instruction-budget --set`\n\
         # with {}.\n{HEAD}\n",
        compiler()?
    );
    let figures = figures()?;
    for Figure { name, unit, each, .. } in &figures {
        writeln!(text, "{name}\t{unit}\t{}\t{}", digits(each * MARGIN), digits(*each))?;
    }
    fs::write(FILE, &text)?;
    print!("{text}");
    let steep = figures.iter().filter(|figure| figure.growth.is_some_and(|growth| growth > GROWTH));
    let steep: Vec<&str> = steep.map(|figure| figure.name).collect();
    if !steep.is_empty() {
        println!("not linear: {}", steep.join(", "));
    }
    Ok(steep.is_empty())
}

fn parse(text: &str) -> Result<BTreeMap<&str, f64>, Box<dyn Error>> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    if lines.next() != Some(HEAD) {
        return Err(format!("{FILE}: the header line is missing").into());
    }
    lines
        .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [name, _, limit, _] => Ok((name, limit.parse()?)),
            _ => Err(format!("{FILE}: {line}").into()),
        })
        .collect()
}

fn figures() -> Result<Vec<Figure>, Box<dyn Error>> {
    let costs = costs()?;
    let mut figures: Vec<Figure> = ALL
        .iter()
        .zip(&costs)
        .map(|(&Family { name, unit, .. }, &Cost { each, growth })| Figure {
            name,
            unit,
            each,
            growth: Some(growth),
        })
        .collect();
    let each = |name| figures.iter().find(|figure| figure.name == name).map(|figure| figure.each);
    let mut differences = Vec::new();
    for (name, with, without) in LOOK_AHEAD {
        let (with, without) = each(with).zip(each(without)).ok_or("no such family")?;
        differences.push(Figure { name, unit: "frame", each: with - without, growth: None });
    }
    figures.extend(differences);
    Ok(figures)
}

/// The costs of all families, counted by two processes in parallel.
fn costs() -> Result<Vec<Cost>, Box<dyn Error>> {
    let waiting = Mutex::new(ALL.iter().enumerate());
    let costs = Mutex::new(Vec::new());
    let work = || -> Result<(), String> {
        loop {
            let next = waiting.lock().map_err(|error| error.to_string())?.next();
            let Some((index, family)) = next else { return Ok(()) };
            let cost = cost(family).map_err(|error| error.to_string())?;
            costs.lock().map_err(|error| error.to_string())?.push((index, cost));
        }
    };
    thread::scope(|scope| {
        let other = scope.spawn(work);
        work().and(other.join().unwrap_or(Err("a thread panicked".into())))
    })?;
    let mut costs = costs.into_inner()?;
    costs.sort_by_key(|(index, _)| *index);
    Ok(costs.into_iter().map(|(_, cost)| cost).collect())
}

/// Formats a number with a precision of at least 1 %.
fn digits(number: f64) -> String {
    if number < 1.0 { format!("{number:.5}") } else { format!("{number:.2}") }
}

/// The version of the compiler, on which the counts depend.
fn compiler() -> Result<String, Box<dyn Error>> {
    let output = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().into())
}
