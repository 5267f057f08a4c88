//! What a figure may be, by itself or beside Chromium's of the same runs. Pure.

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    AtMost(f64),
    AtLeast(f64),
    Within(f64, f64),
    /// At most this part of Chromium's.
    MostOfTheirs(f64),
    /// At least this part of Chromium's.
    LeastOfTheirs(f64),
    /// At least so much more than Chromium's.
    MoreThanTheirs(f64),
}

impl Allowed {
    /// In the table: what is allowed, and whether it is so. `None`: nothing to compare with.
    pub fn verdict(self, ours: f64, theirs: Option<f64>, digits: usize) -> Option<String> {
        let (limit, holds) = match self {
            Self::AtMost(most) => (format!("at most {most:.digits$}"), ours <= most),
            Self::AtLeast(least) => (format!("at least {least:.digits$}"), ours >= least),
            Self::Within(least, most) => {
                (format!("{least:.digits$} to {most:.digits$}"), (least..=most).contains(&ours))
            }
            Self::MostOfTheirs(part) => {
                let most = theirs? * part;
                (format!("at most {most:.digits$} ({part} × Chromium)"), ours <= most)
            }
            Self::LeastOfTheirs(part) => {
                let least = theirs? * part;
                (format!("at least {least:.digits$} ({part} × Chromium)"), ours >= least)
            }
            Self::MoreThanTheirs(more) => {
                let least = theirs? + more;
                (format!("at least {least:.digits$} (Chromium + {more})"), ours >= least)
            }
        };
        Some(format!("{limit}: {}", if holds { "held" } else { "**missed**" }))
    }
}

#[cfg(test)]
mod tests {
    use super::Allowed::*;

    #[test]
    fn verdicts_name_the_limit() {
        assert_eq!(Within(0.35, 0.65).verdict(0.5, None, 2).as_deref(), Some("0.35 to 0.65: held"));
        assert_eq!(AtMost(200.0).verdict(210.0, None, 0).as_deref(), Some("at most 200: **missed**"));
        assert_eq!(MostOfTheirs(1.1).verdict(300.0, None, 0), None);
        let join = MostOfTheirs(1.1).verdict(300.0, Some(320.0), 0);
        assert_eq!(join.as_deref(), Some("at most 352 (1.1 × Chromium): held"));
        let vmaf = MoreThanTheirs(2.0).verdict(71.0, Some(70.0), 1);
        assert_eq!(vmaf.as_deref(), Some("at least 72.0 (Chromium + 2): **missed**"));
    }
}
