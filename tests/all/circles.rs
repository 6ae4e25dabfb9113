//! Files of a crate import each other in one direction, and no file imports through the root of its crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

/// The path of a module below its crate: empty for the root.
type Module = Vec<String>;

/// The files of a crate, by the modules that they are, with their texts.
type Files = BTreeMap<Module, String>;

/// Collects the paths in tokens, in `use`, code and macros alike, each with the module it stands in.
/// The paths of a list in braces go on from `prefix`. Tests beside the code are left out: they stand above it.
fn paths(
    tokens: TokenStream,
    within: &Module,
    prefix: &[String],
    found: &mut Vec<(Module, Vec<String>)>,
) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let text = |at: usize| tokens.get(at).map(ToString::to_string).unwrap_or_default();
    let mut at = 0;
    while at < tokens.len() {
        if let TokenTree::Group(group) = &tokens[at] {
            let mut module = within.clone();
            if at > 1 && text(at - 2) == "mod" {
                module.push(text(at - 1));
            }
            if module.last().is_none_or(|name| name != "tests") {
                paths(group.stream(), &module, &[], found);
            }
        }
        let TokenTree::Ident(first) = &tokens[at] else {
            at += 1;
            continue;
        };
        let mut path = [prefix, &[first.to_string()]].concat();
        at += 1;
        while text(at) == ":" && text(at + 1) == ":" {
            match tokens.get(at + 2) {
                Some(TokenTree::Group(list)) => paths(list.stream(), within, &path, found),
                _ => path.push(text(at + 2)),
            }
            at += 3;
        }
        found.push((within.clone(), path));
    }
}

/// The file whose item a path in the module `within` names; `None` for paths of other crates.
fn target(files: &Files, within: &Module, path: &[String]) -> Option<Module> {
    let [first, rest @ ..] = path else {
        return None;
    };
    let mut module = match &first[..] {
        "crate" => Module::new(),
        "self" => within.clone(),
        "super" => within[..within.len() - 1].to_vec(),
        _ => Some([&within[..], std::slice::from_ref(first)].concat())
            .filter(|child| files.contains_key(child))?,
    };
    for name in rest {
        if name == "super" {
            module.pop();
            continue;
        }
        module.push(name.clone());
        if !files.contains_key(&module) {
            module.pop();
            break;
        }
    }
    while !files.contains_key(&module) {
        module.pop();
    }
    (!rest.is_empty()).then_some(module)
}

/// The files of each file's imports.
fn imports(files: &Files) -> BTreeMap<Module, BTreeSet<Module>> {
    let of_file = |(module, text): (&Module, &String)| {
        let mut found = Vec::new();
        paths(text.parse().unwrap(), module, &[], &mut found);
        let targets = found
            .iter()
            .filter_map(|(within, path)| target(files, within, path));
        let targets = targets.filter(|target| target != module).collect();
        (module.clone(), targets)
    };
    files.iter().map(of_file).collect()
}

/// Sentences about circles, and about imports through the root.
fn faults(files: &Files) -> BTreeSet<String> {
    let imports = imports(files);
    let mut faults = BTreeSet::new();
    let mut reached = imports.clone();
    loop {
        let before = reached.clone();
        for of_one in reached.values_mut() {
            let further = of_one.iter().flat_map(|file| &before[file]).cloned();
            of_one.extend(further.collect::<Vec<_>>());
        }
        if reached == before {
            break;
        }
    }
    for (file, imported) in &imports {
        for other in imported {
            if other.is_empty() {
                faults.insert(format!("{} imports through the root", file.join("::")));
            } else if reached[other].contains(file) {
                faults.insert(format!("{} -> {}", file.join("::"), other.join("::")));
            }
        }
    }
    faults
}

/// The files below a folder of sources.
fn read(folder: &Path, module: &Module, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inner = [&module[..], std::slice::from_ref(&name)].concat();
        if path.is_dir() {
            read(&path, &inner, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let is_folder = matches!(&name[..], "mod" | "lib");
            let text = fs::read_to_string(&path).unwrap();
            files.insert(if is_folder { module.clone() } else { inner }, text);
        }
    }
}

/// No crate has a circle of files, or a file that imports through the root.
#[test]
fn files_form_no_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut all = Vec::new();
    for entry in fs::read_dir(root.join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let mut files = Files::new();
        read(&folder.join("src"), &Module::new(), &mut files);
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        all.extend(
            faults(&files)
                .into_iter()
                .map(|fault| format!("{name}: {fault}")),
        );
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

fn of_texts<const N: usize>(texts: [(&str, &str); N]) -> BTreeSet<String> {
    let module = |path: &str| {
        path.split("::")
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    };
    faults(
        &texts
            .map(|(path, text)| (module(path), text.to_owned()))
            .into(),
    )
}

/// A circle is found in every place where a path can stand.
#[test]
fn circles_are_found() {
    let there = ("b", "use crate::a::A;");
    let back = [
        "use super::b::B;",
        "use crate::{b::{B, C as D}};",
        "use crate::b;",
        "use crate::b::*;",
        "fn f() -> u8 { matches!(1, crate::b::ONE) }",
        "mod inner { use super::super::b::B; }",
        "pub(in crate::b) struct S;",
    ];
    for text in back {
        let found = of_texts([("", "mod a; mod b; pub use a::A;"), ("a", text), there]);
        let circle = ["a -> b", "b -> a"].map(str::to_owned).into();
        assert_eq!(found, circle, "{text}");
    }
    let longer = of_texts([
        ("", ""),
        ("a", "use crate::c::C;"),
        ("b", "mod d; use d::D;"),
        ("b::d", "use super::super::a::A;"),
        ("c", "use super::b::B;"),
    ]);
    assert_eq!(longer.len(), 4, "{longer:?}");
    let parent = of_texts([
        ("", ""),
        ("a", "mod b; use b::B; struct A;"),
        ("a::b", "use super::A;"),
    ]);
    assert_eq!(parent, ["a -> a::b", "a::b -> a"].map(str::to_owned).into());
}

/// An item that the root exports is imported from the file that has it.
#[test]
fn imports_through_the_root_are_found() {
    for text in ["use crate::A;", "use super::A;", "fn f(_: crate::A) {}"] {
        let found = of_texts([
            ("", "mod a; pub use a::A;"),
            ("a", "struct A;"),
            ("b", text),
        ]);
        assert_eq!(
            found,
            ["b imports through the root".to_owned()].into(),
            "{text}"
        );
    }
}

/// Paths of other crates, of one's own file and of visibility are no imports.
#[test]
fn other_paths_are_no_imports() {
    let found = of_texts([
        ("", "mod a; mod b; pub use a::A; use std::b::B;"),
        (
            "a",
            "use super::b::B; mod inner { use super::*; } mod tests { use crate::a::A; use super::super::b::B; } pub(crate) fn f(b: u8) -> u8 { b.a::<u8>() }",
        ),
        (
            "b",
            "use a::A; pub(super) struct B; fn f() { self::g() } fn g() { Self::a() }",
        ),
    ]);
    assert!(found.is_empty(), "{found:?}");
}
