//! The layout of `src`: a file uses only what stands on lower floors; and no file of code is too
//! long, there or beside it.

use std::fs;
use std::path::Path;

/// What a folder of `src` holds, the lowest floor first. A file uses only lower floors of its own
/// folder, and what the folder itself may use.
const FLOORS: [(&str, &[&[&str]]); 9] = [
    (
        "",
        &[
            &["bytes", "time", "deflate_params"],
            &["wire"],
            &["buffer"],
            &["protocol"],
            &["assembler", "deflate"],
        ],
    ),
    ("wire", &[&["error"], &["close", "mask", "utf8"], &["frame"]]),
    ("buffer", &[&["storage"], &["input"], &["recv_buffer"]]),
    ("time", &[&["backoff", "keepalive"]]),
    (
        "protocol",
        &[
            &["fragmentation"],
            &["closing", "event", "role"],
            &["config", "pending"],
            &["header_rules"],
            &["look_ahead"],
            &["receiver", "sender"],
            &["connection"],
        ],
    ),
    ("deflate", &[&["symbols"], &["compress", "inflate"]]),
    ("deflate/inflate", &[&["bit_reader", "window"], &["huffman"], &["decoder"]]),
    (
        "deflate/compress",
        &[
            &["bit_writer", "history", "tokens"],
            &["huffman"],
            &["block", "block_writer", "effort"],
            &["hash_chain"],
            &["match_finder"],
        ],
    ),
    ("deflate/compress/huffman", &[&["code"]]),
];

/// The same for the handshake, which stands apart.
const HANDSHAKE_FLOORS: [(&str, &[&[&str]]); 4] = [
    (
        "handshake",
        &[&["error"], &["http"], &["key", "extension"], &["deflate"], &["client", "server"]],
    ),
    (
        "handshake/http",
        &[
            &["swar"],
            &["grammar"],
            &["authority", "known_fields"],
            &["head"],
            &["parser", "writer"],
        ],
    ),
    ("handshake/server", &[&["reject", "request"]]),
    ("handshake/client", &[&["response"]]),
];

/// What code is written in. Scripts have no extension; other files are data.
const LANGUAGES: [&str; 8] = ["rs", "py", "sh", "js", "mjs", "go", "html", "css"];

/// What a build, a download or a fuzzer puts beside the code.
const MADE: [&str; 6] =
    ["target", "node_modules", "__pycache__", "corpus", "artifacts", "coverage"];

/// Path below `src` and text of every file.
fn sources() -> Vec<(String, String)> {
    let files = files("src", |path| path.extension().is_some_and(|extension| extension == "rs"));
    assert!(files.len() > 50);
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

/// The modules of the crate that a file names outside of comments and tests, as paths below `src`.
fn uses(name: &str, text: &str, modules: &[String]) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let here = module(name);
    let parent = here.rsplit_once('/').map_or("", |(parent, _)| parent);
    let mut paths = Vec::new();
    // An import may name several modules, `use crate::wire::{frame, mask}`; only one at the margin
    // is of the file's own module.
    for (start, base) in [("\nuse super::", parent), ("\npub use super::", parent)] {
        for import in code.split(start).skip(1) {
            paths.extend(expand(base, import.split(';').next().unwrap()));
        }
    }
    for path in code.split("crate::").skip(1) {
        let end = path.find(|c: char| !(c.is_alphanumeric() || "_:{, \n".contains(c)));
        paths.extend(expand("", &path[..end.unwrap_or(path.len())]));
    }
    paths.into_iter().map(|path| nearest(&path, modules)).filter(|used| *used != here).collect()
}

/// `a::{b, c::d}` below `base` as `a/b` and `a/c/d`.
fn expand(base: &str, path: &str) -> Vec<String> {
    let (before, names) = path.split_once('{').unwrap_or((path, ""));
    let below = |path: &str| {
        let path = path.trim().replace("::", "/");
        format!("{base}/{path}").trim_matches('/').to_owned()
    };
    if names.is_empty() {
        return vec![below(before)];
    }
    names
        .trim_end_matches('}')
        .split(',')
        .filter(|name| !name.trim().is_empty())
        .map(|name| below(&format!("{before}{}", name.trim())))
        .collect()
}

/// The innermost module on the way to an item.
fn nearest(path: &str, modules: &[String]) -> String {
    let mut path = path.split([' ', '\n']).next().unwrap();
    while !path.is_empty() && !modules.iter().any(|module| module == path) {
        path = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    }
    path.to_owned()
}

/// `deflate/inflate` for both deflate/inflate.rs and deflate/inflate/mod.rs.
fn module(name: &str) -> &str {
    let name = name.trim_end_matches(".rs");
    name.strip_suffix("/mod").unwrap_or(name)
}

/// The floor of a module in its folder.
fn floor(folder: &str, module: &str) -> usize {
    let floors = FLOORS.iter().chain(&HANDSHAKE_FLOORS).find(|floors| floors.0 == folder);
    let (_, floors) = floors.unwrap_or_else(|| panic!("{folder} has no floors"));
    let floor = floors.iter().position(|floor| floor.contains(&module));
    floor.unwrap_or_else(|| panic!("{folder}/{module} has no floor"))
}

#[test]
fn a_file_uses_only_lower_floors() {
    let sources = sources();
    let modules: Vec<_> = sources.iter().map(|(name, _)| module(name).to_owned()).collect();
    for (name, text) in &sources {
        let here = module(name);
        if here == "lib" {
            continue;
        }
        for used in uses(name, text, &modules) {
            // A module stands above what is inside it.
            if used.starts_with(&format!("{here}/")) {
                continue;
            }
            assert!(
                !here.starts_with(&format!("{used}/")) && !used.is_empty(),
                "{name} uses {used}"
            );
            if here.starts_with("handshake") != used.starts_with("handshake") {
                // These know neither side.
                assert!(["bytes", "deflate_params"].contains(&used.as_str()), "{name} uses {used}");
                continue;
            }
            let common = here.split('/').zip(used.split('/')).take_while(|(a, b)| a == b).count();
            let folder: Vec<_> = here.split('/').take(common).collect();
            let folder = folder.join("/");
            let here = here.split('/').nth(common).unwrap();
            let there = used.split('/').nth(common).unwrap();
            assert!(floor(&folder, there) < floor(&folder, here), "{name} uses {used}");
        }
    }
}

/// Every room exists, and a folder has few enough rooms to be seen at a glance.
#[test]
fn every_floor_is_of_a_module() {
    let names: Vec<_> = sources().iter().map(|(name, _)| module(name).to_owned()).collect();
    for (folder, floors) in FLOORS.iter().chain(&HANDSHAKE_FLOORS) {
        for room in floors.iter().flat_map(|floor| *floor) {
            let path = format!("{folder}/{room}");
            assert!(names.iter().any(|name| *name == path.trim_start_matches('/')), "{path}");
        }
        let rooms: usize = floors.iter().map(|floor| floor.len()).sum();
        assert!(rooms <= if folder.is_empty() { 10 } else { 12 }, "{folder}: {rooms} rooms");
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
        assert_eq!(text.contains("\n#![no_std]\n"), name == "lib.rs", "{name}");
    }
}
