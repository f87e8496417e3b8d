//! Draws some rows as bar charts of the ratios to ours.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::columns::Group;
use crate::measure::Figure;

/// The rows to draw, and their titles.
const PANELS: [(&str, &str); 6] = [
    ("server/bin/16", "binary, 16 bytes"),
    ("server/ascii/125", "JSON text, 125 bytes"),
    ("server/cjk/1024", "CJK text, 1 KiB"),
    ("server/bin/16384", "binary, 16 KiB"),
    ("server/ascii/1048576", "JSON text, 1 MiB"),
    ("mix", "a mix with fragments and Pings"),
];
const ACROSS: i32 = 2;

/// Longer bars are truncated.
const MOST: f64 = 5.0;

// All in pixels.
const MARGIN: i32 = 24;
const HEAD: i32 = 80;
const PANEL: i32 = 460;
const GAP: i32 = 40;
const TITLE: i32 = 34;
const BAR: i32 = 22;
const NAMES: i32 = 150;
const NUMBERS: i32 = 60;

const INK: RGBColor = RGBColor(0x1F, 0x29, 0x33);
const FAINT: RGBColor = RGBColor(0x6B, 0x77, 0x85);
const OURS: RGBColor = RGBColor(0xD9, 0x48, 0x0F);
const PEER: RGBColor = RGBColor(0x9A, 0xB0, 0xC4);

/// A bar: the name, the ratio to ours, whether it is ours.
type Bar = (&'static str, f64, bool);

pub fn draw(file: &Path, figures: &[Figure]) -> Result<(), Box<dyn Error>> {
    let panels: Vec<_> = PANELS
        .iter()
        .map(|(row, title)| (*title, bars(figures, row)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let most = panels.iter().map(|(_, bars)| bars.len() as i32).max().unwrap_or(0);
    let height = TITLE + most * BAR + GAP;
    let down = (panels.len() as i32 + ACROSS - 1) / ACROSS;
    let size = (2 * MARGIN + ACROSS * PANEL + (ACROSS - 1) * GAP, HEAD + down * height);

    let root =
        SVGBackend::new(file, (size.0.cast_unsigned(), size.1.cast_unsigned())).into_drawing_area();
    root.fill(&WHITE)?;
    let text = |text: &str, at, px: i32, color: RGBColor, to| {
        let style = TextStyle::from(("sans-serif", px).into_font()).color(&color);
        root.draw(&Text::new(text.to_string(), at, style.pos(Pos::new(to, VPos::Center))))
    };
    text("Receiving: CPU time per message, barews = 1", (MARGIN, 28), 25, INK, HPos::Left)?;
    let below = "Shorter is better. Server role, reads of 64 KiB, in memory; only crates that unmask, \
                 check the protocol and validate UTF-8.";
    text(below, (MARGIN, 56), 16, FAINT, HPos::Left)?;

    for (i, (title, bars)) in (0..).zip(&panels) {
        let left = MARGIN + i % ACROSS * (PANEL + GAP);
        let top = HEAD + i / ACROSS * height;
        text(title, (left, top + TITLE / 2), 19, INK, HPos::Left)?;
        let start = left + NAMES;
        let unit = f64::from(PANEL - NAMES - NUMBERS)
            / bars.iter().map(|bar| bar.1.min(MOST)).fold(1.0, f64::max);
        let bottom = top + TITLE + bars.len() as i32 * BAR;
        let one = start + unit as i32;
        let line = vec![(one, top + TITLE - 2), (one, bottom + 2)];
        root.draw(&PathElement::new(line, OURS.mix(0.6).stroke_width(1)))?;
        for (j, &(name, ratio, ours)) in (0..).zip(bars) {
            let y = top + TITLE + j * BAR;
            let middle = y + BAR / 2;
            let end = start + (ratio.min(MOST) * unit) as i32;
            let (ink, fill) = if ours { (OURS, OURS) } else { (INK, PEER) };
            text(name, (start - 8, middle), 16, ink, HPos::Right)?;
            root.draw(&Rectangle::new([(start, y + 3), (end, y + BAR - 3)], fill.filled()))?;
            let cut = ratio > MOST;
            if cut {
                // Two white strokes mark a truncated bar.
                for x in [end - 22, end - 14] {
                    let stroke = [(x, y + BAR - 2), (x + 6, y + 2)];
                    root.draw(&PathElement::new(stroke.to_vec(), WHITE.stroke_width(3)))?;
                }
            }
            let number = if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") };
            // Keep the line out of the number.
            let ground = [(end + 4, y + 3), (end + 8 + 9 * number.len() as i32, y + BAR - 3)];
            root.draw(&Rectangle::new(ground, WHITE.filled()))?;
            text(&number, (end + 6, middle), 16, ink, HPos::Left)?;
        }
    }
    root.present()?;
    Ok(())
}

/// Ours and every checked peer, fastest first.
fn bars(figures: &[Figure], row: &str) -> Vec<Bar> {
    let of_row = |figure: &&Figure| figure.row.name == row && figure.checked;
    let read = figures.iter().filter(of_row).map(|figure| figure.row.read).max();
    let figures = || figures.iter().filter(of_row).filter(|figure| Some(figure.row.read) == read);
    let ours = figures().find(|figure| figure.column.name == "barews");
    let Some(&Ok(ours)) = ours.map(|figure| &figure.ns) else { return Vec::new() };
    let mut bars: Vec<Bar> = figures()
        .filter(|figure| {
            figure.column.group == Group::Peer || figure.column.name.starts_with("barews")
        })
        .filter(|figure| {
            !figure.column.name.ends_with(" message") && !figure.column.name.ends_with(" buffer")
        })
        .filter_map(|figure| {
            let ns = *figure.ns.as_ref().ok()?;
            Some((figure.column.name, ns / ours, figure.column.group == Group::Ours))
        })
        .collect();
    bars.sort_by(|a, b| a.1.total_cmp(&b.1));
    bars
}
