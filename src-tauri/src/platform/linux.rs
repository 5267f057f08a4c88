//! Linux: WebKitGTK composes the page with OpenGL, which without a graphics card costs a core for a blinking cursor.

use std::path::Path;

/// What the page is told.
pub(crate) const NAME: &str = "linux";

/// A user who sets one of these decides how WebKit draws.
const RENDERER_CHOICES: [&str; 2] = ["WEBKIT_DISABLE_DMABUF_RENDERER", "WEBKIT_DISABLE_COMPOSITING_MODE"];

/// Called first, while the process has one thread.
pub(crate) fn prepare() {
    let chosen = RENDERER_CHOICES.iter().any(|name| std::env::var_os(name).is_some());
    if !chosen && !has_render_node(Path::new("/dev/dri")) {
        // SAFETY: no other thread exists yet that could read the environment.
        unsafe { std::env::set_var(RENDERER_CHOICES[0], "1") };
    }
}

/// A graphics card that can draw without a screen.
fn has_render_node(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_without_render_node_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_render_node(&folder.path().join("dri")));
        std::fs::write(folder.path().join("card0"), "").unwrap();
        assert!(!has_render_node(folder.path()));
        std::fs::write(folder.path().join("renderD128"), "").unwrap();
        assert!(has_render_node(folder.path()));
    }
}
