//! The layout of `src`: a file uses only what stands on lower floors; and no file of code is too
//! long, there or beside it.

use std::fs;
use std::path::Path;

/// The lowest first. `error` and `close` name each other: a fault has a code.
const FLOORS: [&[&str]; 11] = [
    &["error", "close", "machine", "agreed", "keepalive", "backoff"],
    &["mask", "utf8"],
    &["frame"],
    &["flow"],
    &["event", "input", "role"],
    &["answer", "config"],
    &["rules"],
    &["ahead"],
    &["receive", "send"],
    &["connection"],
    &["message", "deflate"],
];

/// The same inside `deflate`: what compresses and what inflates share the alphabets and no more.
const DEFLATE_FLOORS: [&[&str]; 7] = [
    &["symbols", "reader", "writer", "window"],
    &["coder", "tables", "tokens", "history"],
    &["codes", "decode", "emit"],
    &["effort", "inflate", "block"],
    &["positions"],
    &["search"],
    &["compress"],
];

/// What code is written in. Scripts have no extension; other files are data.
const LANGUAGES: [&str; 8] = ["rs", "py", "sh", "js", "mjs", "go", "html", "css"];

/// What a build, a download or a fuzzer puts beside the code.
const MADE: [&str; 6] =
    ["target", "node_modules", "__pycache__", "corpus", "artifacts", "coverage"];

/// Path below `src` and text of every file.
fn sources() -> Vec<(String, String)> {
    let files = files("src", |path| path.extension().is_some_and(|extension| extension == "rs"));
    assert!(files.len() > FLOORS.len());
    files
}

/// Path below this folder and text of every file that is wanted.
fn files(folder: &str, is_wanted: fn(&Path) -> bool) -> Vec<(String, String)> {
    fn add(
        root: &Path,
        dir: &Path,
        is_wanted: fn(&Path) -> bool,
        files: &mut Vec<(String, String)>,
    ) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !MADE.iter().any(|made| path.ends_with(made)) {
                    add(root, &path, is_wanted, files);
                }
            } else if is_wanted(&path) {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    add(&root, &root, is_wanted, &mut files);
    files
}

/// What a file names of the crate, but not in comments.
fn uses(text: &str) -> Vec<String> {
    names_behind("crate::", text)
}

fn names_behind(prefix: &str, text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split(prefix).skip(1))
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

fn floor(floors: &[&[&str]], module: &str) -> Option<usize> {
    floors.iter().position(|floor| floor.contains(&module))
}

#[test]
fn a_file_uses_only_lower_floors() {
    for (name, text) in sources() {
        let module = name.trim_end_matches(".rs");
        let module = module.split_once('/').map_or(module, |(folder, _)| folder);
        if module == "lib" || module == "handshake" {
            continue;
        }
        let here = floor(&FLOORS, module).unwrap_or_else(|| panic!("{name} has no floor"));
        for used in uses(&text) {
            let there =
                floor(&FLOORS, &used).unwrap_or_else(|| panic!("{name} uses {used}: no floor"));
            assert!(there < here || (there, here) == (0, 0), "{name} uses {used}");
        }
    }
}

#[test]
fn a_file_of_deflate_uses_only_lower_floors_of_it() {
    for (name, text) in sources() {
        let Some(module) = name.strip_prefix("deflate/").map(|name| name.trim_end_matches(".rs"))
        else {
            continue;
        };
        if module == "mod" {
            continue;
        }
        let floor = |module: &str| {
            floor(&DEFLATE_FLOORS, module)
                .unwrap_or_else(|| panic!("{name}: {module} has no floor"))
        };
        // Tests inside a file are a module of their own, and so behind one `super` more.
        let code = text.split("#[cfg(test)]").next().unwrap();
        for used in names_behind("use super::", code) {
            assert!(floor(&used) < floor(module), "{name} uses {used}");
        }
    }
}

#[test]
fn the_handshake_stands_apart() {
    for (name, text) in sources() {
        let inside = name.starts_with("handshake/");
        for used in uses(&text) {
            // Both the handshake and the codecs need what the two sides agree on.
            let agreed = inside && used == "agreed";
            assert_eq!(used == "handshake", inside && !agreed, "{name} uses {used}");
        }
        assert!(!inside || !text.contains("super::super"), "{name}");
    }
}

#[test]
fn no_file_is_over_450_lines() {
    let is_code = |path: &Path| {
        path.extension()
            .is_some_and(|extension| LANGUAGES.iter().any(|language| extension == *language))
    };
    let is_script = |path: &Path| path.extension().is_none();
    let mut too_long = Vec::new();
    for folder in ["src", "tests", "examples", "benches", "fuzz", "scripts"] {
        let mut found = files(folder, is_code);
        if folder == "scripts" {
            found.extend(files(folder, is_script));
        }
        assert!(!found.is_empty(), "{folder} has no code");
        for (name, text) in found {
            let lines = text.lines().count();
            if lines > 450 {
                too_long.push(format!("{folder}/{name} has {lines} lines"));
            }
        }
    }
    assert!(too_long.is_empty(), "{too_long:#?}");
}

#[test]
fn there_is_no_std_and_no_alloc() {
    for (name, text) in sources() {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            assert!(!line.contains("extern crate"), "{name}: {line}");
            assert!(!line.contains("std::") && !line.contains("alloc::"), "{name}: {line}");
        }
        assert_eq!(text.starts_with("#![no_std]\n"), name == "lib.rs", "{name}");
    }
}
