//! Fika, the desktop app: wires the engine, its adapters and the window together.

pub mod bindings;
pub mod commands;
pub mod error;
pub mod events;
pub mod settings;

pub fn run() -> anyhow::Result<()> {
    let bindings = bindings::builder();
    tauri::Builder::default()
        .invoke_handler(bindings.invoke_handler())
        .setup(move |app| {
            bindings.mount_events(app);
            Ok(())
        })
        .run(tauri::generate_context!())?;
    Ok(())
}
