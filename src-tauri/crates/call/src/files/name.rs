//! The name under which a file that a stranger named may be kept and shown.

/// Longest name in bytes of UTF-8: what common file systems take, less room for a number.
const MAX_NAME: usize = 200;
/// Longest ending that is kept when a name is cut.
const MAX_ENDING: usize = 16;
/// For what has no name left.
const NAMELESS: &str = "file";

/// Names of devices under Windows, with any ending.
const RESERVED: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// The last part of `name` without what could lead elsewhere or look like something else: path separators, controls, marks that
/// turn or hide text, characters and names that Windows reserves, dots and blanks at the ends. All endings stay as they are, so
/// that what is shown is what will be opened.
pub fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|part| !part.trim_matches(['.', ' ']).is_empty()).unwrap_or_default();
    let kept = last.chars().filter(|c| !hides(*c)).map(|c| if is_reserved(c) { '_' } else { c });
    let kept: String = kept.collect();
    let kept = kept.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let mut kept = cut(kept);
    if kept.is_empty() {
        return NAMELESS.to_owned();
    }
    if is_device(&kept) {
        kept.insert(0, '_');
    }
    kept
}

/// `name`, then `name (2)` and so on before the last ending, or both of `.tar.gz`.
pub fn numbered(name: &str, number: u32) -> String {
    if number < 2 {
        return name.to_owned();
    }
    let at = ending_at(name);
    let (stem, ending) = name.split_at(at);
    format!("{stem} ({number}){ending}")
}

fn ending_at(name: &str) -> usize {
    let Some(last) = name.rfind('.').filter(|at| *at > 0) else { return name.len() };
    match name[..last].strip_suffix(".tar") {
        Some(stem) if !stem.is_empty() => stem.len(),
        _ => last,
    }
}

fn cut(name: &str) -> String {
    if name.len() <= MAX_NAME {
        return name.to_owned();
    }
    let at = ending_at(name);
    let ending = if name.len() - at <= MAX_ENDING { &name[at..] } else { "" };
    let mut end = MAX_NAME - ending.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", name[..end].trim_end_matches(['.', ' ']))
}

/// Controls, and marks that turn, join or hide the text around them.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn is_reserved(c: char) -> bool {
    matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = ["COM", "LPT"].iter().any(|port| {
        let rest = stem.strip_prefix(port).unwrap_or_default();
        matches!(rest, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "\u{b9}" | "\u{b2}" | "\u{b3}")
    });
    numbered || RESERVED.contains(&stem.as_str())
}

/// What a file of this name mostly holds; empty: who knows.
pub fn media_type_of(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "csv" => "text/csv",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "md" => "text/markdown",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "odt" => "application/vnd.oasis.opendocument.text",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "svg" => "image/svg+xml",
        "txt" => "text/plain",
        "wav" => "audio/wav",
        "webp" => "image/webp",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "zip" => "application/zip",
        _ => "",
    }
}

/// A media type as it may be shown; else empty.
pub fn safe_media_type(text: &str) -> String {
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let whole = text.len() <= 100 && text.split_once('/').is_some_and(|(kind, name)| token(kind) && token(name));
    if whole { text.to_ascii_lowercase() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for (given, kept) in [
            ("bild.png", "bild.png"),
            ("Årsredovisning 2026.pdf", "Årsredovisning 2026.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\system32\\evil.dll", "evil.dll"),
            ("/", "file"),
            ("..", "file"),
            ("a/..", "a"),
            ("", "file"),
            (".bashrc", "bashrc"),
            ("faktura.pdf.exe", "faktura.pdf.exe"),
            ("faktura\u{202e}fdp.exe", "fakturafdp.exe"),
            ("a\0b\n.txt", "ab.txt"),
            ("zero\u{200b}width.txt", "zerowidth.txt"),
            ("what?.txt", "what_.txt"),
            ("stream.txt:secret", "stream.txt_secret"),
            ("NUL", "_NUL"),
            ("con.txt", "_con.txt"),
            ("COM1.tar.gz", "_COM1.tar.gz"),
            ("COM¹", "_COM¹"),
            ("COMPUTER.txt", "COMPUTER.txt"),
            ("slut. . .", "slut"),
        ] {
            assert_eq!(safe_name(given), kept, "{given:?}");
        }
    }

    #[test]
    fn a_second_one_gets_a_number_and_keeps_its_ending() {
        assert_eq!(numbered("bild.png", 1), "bild.png");
        assert_eq!(numbered("bild.png", 2), "bild (2).png");
        assert_eq!(numbered("backup.tar.gz", 3), "backup (3).tar.gz");
        assert_eq!(numbered("README", 2), "README (2)");
    }

    #[test]
    fn media_types_are_tokens() {
        assert_eq!(safe_media_type("Image/PNG"), "image/png");
        assert_eq!(
            safe_media_type("application/vnd.oasis.opendocument.text"),
            "application/vnd.oasis.opendocument.text"
        );
        for wrong in ["", "text", "a/b/c", "text/<b>", "text/\n", "/", "å/b"] {
            assert_eq!(safe_media_type(wrong), "", "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_it_is_called(name in prop_oneof![any::<String>(), "[a-z./\\\\:]{0,40}", "[å.]{180,260}"]) {
            let kept = safe_name(&name);
            prop_assert!(!kept.is_empty() && kept.len() <= MAX_NAME + 1);
            prop_assert!(!kept.contains(['/', '\\', ':', '\0']) && kept != "." && kept != "..");
            prop_assert_eq!(safe_name(&kept), kept);
        }
    }
}
