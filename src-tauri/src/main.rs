//! The program: all it does lies in the library, which tests can reach.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

fn main() -> std::process::ExitCode {
    fika_app::run()
}
