//! The floors of the house: imports point down, and a few things are said in one place alone.
//!
//! Read from the source text: the table of floors from `src/lib.rs`, the imports from every `crate::…` path that is no
//! comment and no test.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

#[test]
fn imports_point_down() {
    let floors = floors();
    let mut wrong = Vec::new();
    for file in production_files() {
        let Some(own) = floors.get(file.room()) else { continue };
        for target in imported_rooms(&file.production()) {
            let Some(floor) = floors.get(target.as_str()) else { continue };
            if floor > own || (floor == own && !may_meet(file.room(), &target, *own)) {
                wrong.push(format!("{}: imports {target}", file.path));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_room_has_its_floor() {
    let rooms: BTreeSet<String> = source_files().iter().map(|file| file.room().to_owned()).collect();
    let known: BTreeSet<String> = floors().into_keys().chain(["lib".to_owned(), "main".to_owned()]).collect();
    assert_eq!(rooms, known, "the table in src/lib.rs and the folders of src/ differ");
}

#[test]
fn concrete_stores_are_named_by_the_composition_alone() {
    let allowed = ["server", "cli", "store"];
    let named = |file: &Source| {
        let text = joined(&file.production());
        ["store::sqlite", "store::postgres", "SqlitePool", "PgPool"].iter().any(|name| text.contains(name))
            || (imported_rooms(&file.production()).contains("store") && group_names_a_back_end(&text))
    };
    let wrong: Vec<_> = production_files().into_iter().filter(named).collect();
    let wrong: Vec<_> =
        wrong.iter().filter(|file| !allowed.contains(&file.room())).map(|f| &f.path).collect();
    assert_eq!(wrong, Vec::<&String>::new());
}

#[test]
fn envelopes_are_made_by_the_keyring_and_read_by_the_rows() {
    let allowed = ["model/sealed.rs", "keyring/", "store/rows/"];
    let wrong: Vec<_> = production_files()
        .into_iter()
        .filter(|file| file.production().contains("Sealed::from_envelope"))
        .filter(|file| !allowed.iter().any(|place| file.path.starts_with(place)))
        .map(|file| file.path)
        .collect();
    assert_eq!(wrong, Vec::<String>::new(), "plaintext could be stored from here");
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<_> = source_files()
        .into_iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.path)
        .collect();
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<_> = production_files()
        .into_iter()
        .map(|file| (file.production().lines().count(), file.path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .collect();
    assert_eq!(long, Vec::<(usize, String)>::new());
}

#[test]
fn the_reader_of_imports_reads_them() {
    let text = "use crate::{\n    broker::{Broker, store},\n    model::id, wire,\n};\nlet x = crate::clock::now();\n";
    let expected = ["broker", "clock", "model", "wire"].map(str::to_owned);
    assert_eq!(imported_rooms(text), BTreeSet::from(expected));
    assert_eq!(without_comments("a // crate::http\n/// crate::grpc\n  //! crate::cli\nb"), "a\n\n\nb\n");
    assert!(group_names_a_back_end("use crate::{store::{Store, sqlite}};"));
    assert!(!group_names_a_back_end("use crate::{store::{Store, StoreError}};"));
}

/// Floors by room, as `src/lib.rs` lists them.
fn floors() -> BTreeMap<String, u32> {
    let text = fs::read_to_string(source().join("lib.rs")).expect("src/lib.rs");
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! |"));
    let mut floors = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let Some(Ok(floor)) = cells.first().map(|cell| cell.parse::<u32>()) else { continue };
        let rooms = cells.get(1).into_iter().flat_map(|cell| cell.split(','));
        floors.extend(rooms.map(|room| (room.trim().trim_matches('`').to_owned(), floor)));
    }
    assert!(floors.len() > 10, "the table of floors in src/lib.rs cannot be read");
    floors
}

/// Which rooms of one floor may know each other.
fn may_meet(room: &str, other: &str, floor: u32) -> bool {
    match floor {
        _ if room == other => true,
        // Ports and their back ends; ways in, which share the table of operations and that of statuses.
        3 => false,
        5 => matches!(other, "api" | "wire") && matches!(room, "http" | "grpc"),
        _ => true,
    }
}

/// A source file.
struct Source {
    /// Below `src/`, with `/` between its parts.
    path: String,
    text: String,
}

impl Source {
    /// The first part of its path.
    fn room(&self) -> &str {
        let first = self.path.split('/').next().expect("a part");
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Its text without comments, up to the tests at its end.
    fn production(&self) -> String {
        let end = self.text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        without_comments(&self.text[..end])
    }
}

/// Every file that is more than tests.
fn production_files() -> Vec<Source> {
    let files = source_files();
    let tests: Vec<String> = files.iter().flat_map(test_modules).collect();
    let is_test = |path: &str| {
        tests.iter().any(|test| path == format!("{test}.rs") || path.starts_with(&format!("{test}/")))
    };
    files.into_iter().filter(|file| !is_test(&file.path)).collect()
}

/// Where the modules are that a file declares for tests alone, without `.rs`.
fn test_modules(file: &Source) -> Vec<String> {
    let folder = file.path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let own_folder = match file.path.trim_end_matches(".rs") {
        "lib" => String::new(),
        path => format!("{}/", path.trim_end_matches("/mod")),
    };
    let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
    let tests = lines.split(|line| *line == "#[cfg(test)]").skip(1);
    let declared = tests.filter_map(|after| {
        let at = after.first()?.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]"));
        let declaration = after.get(usize::from(at.is_some()))?.strip_suffix(';')?;
        let (_, name) = declaration.rsplit_once("mod ")?;
        Some(at.map_or_else(
            || format!("{own_folder}{name}"),
            |at| format!("{folder}{}", at.trim_end_matches(".rs")),
        ))
    });
    declared.collect()
}

fn source_files() -> Vec<Source> {
    let mut files = Vec::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a file");
                let below = path.strip_prefix(source()).expect("below src").to_str().expect("text");
                files.push(Source { path: below.to_owned(), text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The lines without comments; a `//` within a text goes too, which leaves no path behind.
fn without_comments(text: &str) -> String {
    let kept = |line: &str| line.split("//").next().unwrap_or_default().trim_end().to_owned() + "\n";
    text.lines().map(kept).collect()
}

/// The first names of every path that begins with `crate::`.
fn imported_rooms(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => rooms.extend(first_names(group)),
            None => drop(rooms.insert(first_name(rest))),
        }
    }
    rooms
}

/// The first name of each path of a group, whose opening brace is gone.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut at_start) = (1, Vec::new(), true);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => at_start = true,
            _ if character.is_whitespace() => {}
            _ if at_start => {
                names.push(first_name(&group[at..]));
                at_start = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn first_name(path: &str) -> String {
    path.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

/// Whether an import of the store names one of its back ends in a group.
fn group_names_a_back_end(text: &str) -> bool {
    text.match_indices("store::{").any(|(at, opening)| {
        let names = first_names(&text[at + opening.len()..]);
        names.iter().any(|name| name == "sqlite" || name == "postgres")
    })
}

/// Without line breaks and what they indent.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const MOST_LINES: usize = 400;
