//! What others wrote and the app carries: each crate of the three platforms under a licence that deny.toml allows, from
//! crates.io, in a version that is named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

const PLATFORMS: [&str; 3] = ["x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc", "aarch64-apple-darwin"];
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> PathBuf {
    fika_tests::folder().parent().expect("the tests lie in the workspace").to_owned()
}

/// Crates that one of the platforms needs to build, run or test, by id.
fn packages() -> BTreeMap<String, Value> {
    let packages = PLATFORMS.iter().flat_map(|platform| {
        let out = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", platform])
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let metadata: Value = serde_json::from_slice(&out.stdout).expect("cargo metadata is JSON");
        let list = |value: &Value| value.as_array().expect("a list").clone();
        let needed: BTreeSet<String> =
            list(&metadata["resolve"]["nodes"]).iter().map(|node| text(&node["id"]).to_owned()).collect();
        let packages =
            list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]).to_owned(), package));
        packages.filter(|(id, _)| needed.contains(id)).collect::<Vec<_>>()
    });
    packages.collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The list `allow` of deny.toml.
fn allowed() -> BTreeSet<String> {
    let policy = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml lies at the root");
    let (_, list) = policy.split_once("allow = [").expect("it has a list of licences");
    let (list, _) = list.split_once(']').expect("which ends");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be satisfied by what is allowed. `/` is the OR of old.
fn fits(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (fits, rest) = any(&words, allowed);
    assert!(rest.is_empty(), "not understood: {expression}");
    fits
}

fn any<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    let (mut fits, mut rest) = all(words, allowed);
    while let ["OR", after @ ..] = rest {
        let (other, after) = all(after, allowed);
        (fits, rest) = (fits | other, after);
    }
    (fits, rest)
}

fn all<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    let (mut fits, mut rest) = one(words, allowed);
    while let ["AND", after @ ..] = rest {
        let (other, after) = one(after, allowed);
        (fits, rest) = (fits & other, after);
    }
    (fits, rest)
}

fn one<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    match words {
        ["(", inner @ ..] => match any(inner, allowed) {
            (fits, [")", rest @ ..]) => (fits, rest),
            other => other,
        },
        [licence, "WITH", exception, rest @ ..] => (allowed.contains(&format!("{licence} WITH {exception}")), rest),
        [licence, rest @ ..] => (allowed.contains(*licence), rest),
        [] => (false, words),
    }
}

#[test]
fn expressions_are_read_as_they_are_meant() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only/MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("ISC AND (GPL-3.0-only OR MIT)", true),
        ("(ISC OR MIT) AND GPL-3.0-only", false),
        ("Apache-2.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0 WITH LLVM-exception AND MIT", true),
    ] {
        assert_eq!(fits(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn every_crate_has_a_licence_that_is_allowed() {
    let (packages, allowed) = (packages(), allowed());
    assert!(packages.len() > 300, "{} crates were looked at", packages.len());
    let wrong: Vec<String> = packages
        .values()
        .filter(|package| !package["license"].as_str().is_some_and(|licence| fits(licence, &allowed)))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_crate_comes_from_the_registry_in_a_named_version() {
    let packages = packages();
    let foreign: Vec<&str> = packages
        .values()
        .filter(|package| !package["source"].is_null() && package["source"] != REGISTRY)
        .map(|package| text(&package["id"]))
        .collect();
    assert!(foreign.is_empty(), "{foreign:#?}");
    let ours = packages.values().filter(|package| package["source"].is_null());
    let wild: Vec<String> = ours
        .flat_map(|package| {
            let dependencies = package["dependencies"].as_array().expect("a list");
            let wild =
                dependencies.iter().filter(|dependency| dependency["req"] == "*" && !dependency["source"].is_null());
            wild.map(|dependency| format!("{} needs any {}", package["name"], dependency["name"]))
        })
        .collect();
    assert!(wild.is_empty(), "{wild:#?}");
}
