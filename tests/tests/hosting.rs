//! docs/self-hosting.md, the systemd unit and the container file: what they tell people to run, is run.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fika_tests::cli::{self, Running};
use fika_tests::program;
use serde_json::Value;

const DEPLOY: &str = "src-tauri/crates/server/deploy";

fn root() -> PathBuf {
    fika_tests::folder().parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Lines of the code blocks that start this program.
fn commands(program: &str) -> Vec<Vec<String>> {
    let text = read("docs/self-hosting.md");
    let blocks = text.split("```").skip(1).step_by(2);
    let lines = blocks.flat_map(str::lines).filter(|line| line.split(' ').next() == Some(program));
    lines.map(|line| line.split(' ').skip(1).map(str::to_owned).collect()).collect()
}

/// A folder with a certificate and its key.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(["meet.example.org".to_owned()]).unwrap();
    std::fs::write(folder.path().join("cert.pem"), own.cert.pem()).unwrap();
    std::fs::write(folder.path().join("turn.secret"), "north").unwrap();
    std::fs::write(folder.path().join("key.pem"), own.signing_key.serialize_pem()).unwrap();
    folder
}

/// The program with these arguments, but on a port and in a folder of this test.
fn start(arguments: &[String], folder: &Path) -> Running {
    let mut words: Vec<String> = Vec::new();
    let mut given = arguments.iter();
    while let Some(word) = given.next() {
        match word.as_str() {
            "--listen" | "--metrics" => words.extend([word.clone(), {
                given.next();
                "127.0.0.1:0".into()
            }]),
            "--data" => words.extend([word.clone(), {
                given.next();
                folder.join("data").display().to_string()
            }]),
            word => words.push(word.to_owned()),
        }
    }
    if !words.contains(&"--listen".to_owned()) {
        words.extend(["--listen".into(), "127.0.0.1:0".into()]);
    }
    if words.contains(&"--domain".to_owned()) {
        std::fs::copy(folder.join("cert.pem"), folder.join("root.pem")).unwrap();
        // tests/tests/acme.rs has an authority. No authority is here, and none elsewhere is asked.
        words.retain(|word| word != "--acme-directory" && !word.starts_with("https://"));
        words.extend(["--acme-directory".into(), "https://127.0.0.1:1/".into()]);
    }
    let program = program::path("fika-server", "fika-server").unwrap();
    let mut command = Command::new(program);
    Running::start(command.args(words).current_dir(folder).stdin(Stdio::null()))
}

fn assert_runs(arguments: &[String]) {
    let folder = folder();
    let mut server = start(arguments, folder.path());
    let secure = |word: &String| word.starts_with("--tls") || word == "--domain";
    let scheme = if arguments.iter().any(secure) { "https" } else { "http" };
    let address = server.line();
    assert!(address.starts_with(&format!("{scheme}://127.0.0.1:")), "{arguments:?}: {address}");
    server.interrupt();
    assert_eq!(server.code(), Some(0), "{arguments:?}");
}

#[test]
fn the_server_runs_as_the_page_says() {
    let commands = commands("fika-server");
    assert!(commands.len() >= 3, "{commands:?}");
    commands.iter().for_each(|arguments| assert_runs(arguments));
}

#[test]
fn every_option_is_on_the_page() {
    let program = program::path("fika-server", "fika-server").unwrap();
    let help = Command::new(program).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let page = read("docs/self-hosting.md");
    let options = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
    let options: Vec<&str> =
        options.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '-')).collect();
    assert!(options.len() > 10, "{help}");
    for option in options.iter().filter(|option| !["--help", "--version"].contains(option)) {
        assert!(page.contains(&format!("`{option}")) || page.contains(&format!(" {option}")), "{option}");
    }
}

#[test]
fn the_unit_starts_it_and_systemd_understands_it() {
    let unit = read(&format!("{DEPLOY}/fika-server.service"));
    let page = read("docs/self-hosting.md");
    let starts = "ExecStart=/usr/local/bin/fika-server ";
    let lines: Vec<&str> = unit.lines().chain(page.lines()).filter_map(|line| line.strip_prefix(starts)).collect();
    assert_eq!(lines.len(), 2, "with a certificate that comes by itself, and with one that is given");
    for line in lines {
        // The files of this test lie where the program runs.
        let words = line.split(' ').map(|word| word.replace("${CREDENTIALS_DIRECTORY}/", ""));
        assert_runs(&words.collect::<Vec<_>>());
    }

    let folder = tempfile::tempdir().unwrap();
    let program = program::path("fika-server", "fika-server").unwrap();
    let here = unit.replace("/usr/local/bin/fika-server", &program.display().to_string());
    let path = folder.path().join("fika-server.service");
    std::fs::write(&path, here).unwrap();
    // Where there is no systemd there is nobody to understand it.
    let Ok(verified) = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output() else { return };
    let said = String::from_utf8_lossy(&verified.stderr);
    let about: Vec<&str> = said.lines().filter(|line| line.contains("fika-server.service")).collect();
    assert!(about.is_empty(), "{about:#?}");
}

#[test]
fn the_container_starts_it_and_finds_what_it_copies() {
    let file = read(&format!("{DEPLOY}/Containerfile"));
    let entry = file.lines().find_map(|line| line.strip_prefix("ENTRYPOINT ")).unwrap();
    let entry: Vec<String> = serde_json::from_str(entry).unwrap();
    assert_eq!(entry[0], "/usr/local/bin/fika-server");
    let docker = commands("docker");
    let run = docker.iter().find(|words| words[0] == "run").unwrap();
    let at = run.iter().position(|word| word == "fika-server").unwrap();
    let arguments: Vec<String> = entry[1..].iter().chain(&run[at + 1..]).cloned().collect();
    assert_runs(&arguments);
    let build = docker.iter().find(|words| words[0] == "build").unwrap();
    let named = build.iter().skip_while(|word| *word != "-f").nth(1).unwrap();
    assert!(root().join(named).exists(), "{named}");
    let at = |what: &str| file.find(what).unwrap_or_else(|| panic!("{what}"));
    // What the server is built from comes before it.
    assert!(at("npm run build:web") < at("COPY --from=page /fika/ui/dist-web ui/dist-web"));
    assert!(at("ui/dist-web ui/dist-web") < at("cargo build --release --locked -p fika-server"));
}

#[test]
fn a_meeting_is_opened_from_a_script() {
    let folder = folder();
    let mut server = start(&[], folder.path());
    let address = server.line();
    let commands = commands("fika-cli");
    assert!(!commands.is_empty());
    for arguments in commands {
        let arguments = arguments.iter().map(|word| if word.starts_with("https://") { &address } else { word });
        let output = cli::command().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let opened: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(opened["link"].as_str().unwrap().starts_with(&address) && opened["hostKey"].is_string());
    }
    server.interrupt();
    assert_eq!(server.code(), Some(0));
}
