//! The command line: `fika [--profile DIR] [LINK]`. Links come from anybody, so they are only ever shown in the lobby.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::video::Wish;

/// Names another folder for settings, log and page data, like `--profile`; that one wins.
pub(crate) const PROFILE_VARIABLE: &str = "FIKA_CONFIG_DIR";

/// `page`: pictures are drawn by the page also where the app could draw them. For whoever sees wrong pictures. `fail`: the
/// window fails its test, so that what follows can be tested.
pub(crate) const VIDEO_VARIABLE: &str = "FIKA_VIDEO";

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Args {
    /// `None`: the user's own configuration folder.
    pub(crate) profile: Option<PathBuf>,
    /// Unchecked text.
    pub(crate) link: Option<String>,
    pub(crate) video: Wish,
}

impl Args {
    /// `args` without the program's name; `profile` and `video`: values of [`PROFILE_VARIABLE`] and [`VIDEO_VARIABLE`].
    /// Unknown options are an error.
    pub(crate) fn parse(
        args: impl IntoIterator<Item = OsString>,
        profile: Option<OsString>,
        video: Option<OsString>,
    ) -> anyhow::Result<Self> {
        let mut parsed = Self {
            profile: profile.filter(|v| !v.is_empty()).map(PathBuf::from),
            link: None,
            video: match video.as_deref().and_then(|value| value.to_str()) {
                Some("page") => Wish::Page,
                Some("fail") => Wish::Fail,
                _ => Wish::Best,
            },
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            if arg == "--profile" {
                let folder = args.next().filter(|folder| !folder.is_empty());
                parsed.profile = Some(folder.ok_or_else(|| anyhow::anyhow!("--profile needs a folder"))?.into());
            } else if arg.to_string_lossy().starts_with("--") {
                anyhow::bail!("unknown option {}: use fika [--profile DIR] [LINK]", arg.display());
            } else {
                parsed.link = Some(arg.to_string_lossy().into_owned());
            }
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str], variable: Option<&str>) -> anyhow::Result<Args> {
        Args::parse(args.iter().map(OsString::from), variable.map(OsString::from), None)
    }

    #[test]
    fn a_link_and_a_profile() {
        let args = parse(&["--profile", "/tmp/b", "http://h/j/a#b"], Some("/tmp/a")).unwrap();
        assert_eq!(
            args,
            Args { profile: Some("/tmp/b".into()), link: Some("http://h/j/a#b".into()), video: Wish::Best }
        );
        assert_eq!(parse(&[], Some("/tmp/a")).unwrap().profile, Some("/tmp/a".into()));
        assert_eq!(parse(&[], Some("")).unwrap(), Args::default());
    }

    #[test]
    fn pictures_may_be_left_to_the_page() {
        let wish = |value: &str| Args::parse([], None, Some(value.into())).unwrap().video;
        assert_eq!((wish("page"), wish("fail"), wish("x")), (Wish::Page, Wish::Fail, Wish::Best));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        assert!(parse(&["--profile"], None).is_err());
        assert!(parse(&["--auto-join", "x"], None).is_err());
    }
}
