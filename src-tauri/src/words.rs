//! What the app says where there is no page to say it: sentences of the page's own catalogues, whose keys begin with
//! `native_`. Read only when they are needed.

use serde_json::Value;

use crate::settings::Language;

const ENGLISH: &str = include_str!("../../ui/messages/en.json");
const SWEDISH: &str = include_str!("../../ui/messages/sv.json");

/// The sentences of one language.
pub(crate) struct Words(Value);

impl Words {
    pub(crate) fn of(language: Language) -> Self {
        Self::in_language(language, &system_language())
    }

    fn in_language(language: Language, system: &str) -> Self {
        let swedish = match language {
            Language::System => system.split(['-', '_']).next().is_some_and(|tag| tag.eq_ignore_ascii_case("sv")),
            Language::En => false,
            Language::Sv => true,
        };
        Self(serde_json::from_str(if swedish { SWEDISH } else { ENGLISH }).unwrap_or_default())
    }

    /// The sentence, with `filling` in its place to fill, `{text}`.
    pub(crate) fn get(&self, key: &str, filling: &str) -> String {
        self.0[key].as_str().unwrap_or(key).replace("{text}", filling)
    }
}

/// The system's language as a BCP 47 tag. A system without one speaks English.
pub(crate) fn system_language() -> String {
    sys_locale::get_locale().filter(|tag| tag != "C" && tag != "POSIX").unwrap_or_else(|| "en".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_wins_over_the_system() {
        let language = |setting, system| {
            let text = Words::in_language(setting, system).get("native_start_failed", "x");
            assert!(text.ends_with('x'), "{text}");
            if text.starts_with("Fika kan") { "sv" } else { "en" }
        };
        assert_eq!(language(Language::System, "sv-SE"), "sv");
        assert_eq!(language(Language::System, "sv_FI.UTF-8"), "sv");
        assert_eq!(language(Language::System, "svan"), "en");
        assert_eq!(language(Language::System, "de-DE"), "en");
        assert_eq!(language(Language::En, "sv-SE"), "en");
        assert_eq!(language(Language::Sv, "en-GB"), "sv");
    }

    #[test]
    fn both_languages_have_the_same_native_sentences() {
        let keys = |language| {
            let Value::Object(all) = Words::of(language).0 else { panic!("the catalogue is an object") };
            all.into_iter().map(|(key, _)| key).filter(|key| key.starts_with("native_")).collect::<Vec<_>>()
        };
        assert_eq!(keys(Language::En), keys(Language::Sv));
        assert!(!keys(Language::En).is_empty());
        assert_eq!(Words::of(Language::En).get("native_nothing", ""), "native_nothing");
    }
}
