//! Puts the page for guests, as `npm run build:web` has made it, into the program. Without it there is only the small page
//! that says how to open a link.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../../ui/dist-web");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    let folder = folder.canonicalize().unwrap_or(folder);
    if folder.is_dir() {
        collect(&folder, &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for file in files.iter().filter(|file| file.extension().is_none_or(|kind| kind != "br")) {
        let name = file.strip_prefix(&folder).map_err(io::Error::other)?.to_string_lossy().replace('\\', "/");
        let small = PathBuf::from(format!("{}.br", file.display()));
        let small = if small.is_file() { format!("Some(include_bytes!({small:?}))") } else { "None".into() };
        let _ = writeln!(table, "    File {{ path: {name:?}, plain: include_bytes!({file:?}), brotli: {small} }},");
    }
    table.push(']');
    fs::write(Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("guest.rs"), table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
