//! The safety words: 256 meanings in English and Swedish. Two people with different languages read the same meaning.
//! The list is part of the protocol: an index must mean the same in every version.

/// How many words two people compare: 32 bits. With the commitment an attacker has one guess.
pub const WORDS: usize = 4;
/// Meanings in the list, one for each value of a byte.
pub const MEANINGS: usize = 256;

/// A line for each meaning: English, a blank, Swedish.
const LIST: &str = include_str!("words.txt");

/// Languages of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    English,
    Swedish,
}

/// What stands for `index`.
pub fn word(index: u8, language: Language) -> &'static str {
    let line = LIST.lines().nth(usize::from(index)).unwrap_or_default();
    let (english, swedish) = line.split_once(' ').unwrap_or_default();
    match language {
        Language::English => english,
        Language::Swedish => swedish,
    }
}

/// The whole list, in the order of the indices.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    LIST.lines().filter_map(|line| line.split_once(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes of one letter that make one word of the other (Levenshtein).
    fn distance(a: &str, b: &str) -> usize {
        let b: Vec<char> = b.chars().collect();
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.chars().enumerate() {
            let mut before = std::mem::replace(&mut row[0], i + 1);
            for (j, y) in b.iter().enumerate() {
                let change = before + usize::from(x != *y);
                before = row[j + 1];
                row[j + 1] = change.min(before + 1).min(row[j] + 1);
            }
        }
        row[b.len()]
    }

    #[test]
    fn each_byte_has_words_that_sound_unlike_all_others() {
        let list: Vec<_> = all().collect();
        assert_eq!(list.len(), MEANINGS);
        for (i, (english, swedish)) in list.iter().enumerate() {
            for word in [english, swedish] {
                assert!((3..=15).contains(&word.chars().count()), "{word}");
                assert!(word.chars().all(|c| c.is_lowercase()), "{word}");
            }
            for (other_english, other_swedish) in &list[..i] {
                for (a, b) in [(english, other_english), (swedish, other_swedish)] {
                    assert!(distance(a, b) >= 3, "{a} and {b}");
                    assert!(!a.chars().take(4).eq(b.chars().take(4)), "{a} and {b} begin alike");
                }
            }
        }
    }

    #[test]
    fn an_index_is_a_line() {
        for (index, (english, swedish)) in (0..=255).zip(all()) {
            assert_eq!(word(index, Language::English), english);
            assert_eq!(word(index, Language::Swedish), swedish);
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
