//! One app for each profile: whoever starts it again brings the window of the first one to the front, with the link that was
//! given, and that start ends.
//!
//! A socket in the profile's folder, on Windows a named pipe. One tokio task as long as the app takes visitors; they come one at
//! a time and have [`PATIENCE`]. A text longer than [`MOST`] is not read further. Where there can be no socket, each start is an app of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Longer than any link.
const MOST: u64 = 8 * 1024;
const PATIENCE: Duration = Duration::from_secs(2);
const ANSWER: &[u8] = b"fika\n";

/// Whether another app of this profile runs and has taken over.
pub(crate) async fn hand_over(folder: &Path, link: Option<&str>) -> bool {
    let visit = async {
        let mut stream = place::connect(folder).await?;
        say(&mut stream, link.unwrap_or_default()).await
    };
    matches!(timeout(PATIENCE, visit).await, Ok(Ok(true)))
}

/// Takes visitors until `leaves`. `visit` is given the link, if there is one: unchecked text.
pub(crate) async fn receive(folder: PathBuf, mut leaves: oneshot::Receiver<()>, visit: impl Fn(Option<String>)) {
    let mut door = match place::Door::open(&folder) {
        Ok(door) => door,
        Err(error) => return tracing::warn!(%error, "another start of the app will be an app of its own"),
    };
    loop {
        let visitor = tokio::select! {
            visitor = door.next() => visitor,
            _ = &mut leaves => return,
        };
        let heard = match visitor {
            Ok(mut stream) => timeout(PATIENCE, hear(&mut stream)).await,
            Err(error) => return tracing::warn!(%error, "nobody can come in any more"),
        };
        match heard {
            Ok(Ok(link)) => visit(link),
            _ => tracing::debug!("a visitor says nothing that is understood"),
        }
    }
}

async fn say(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), link: &str) -> io::Result<bool> {
    stream.write_all(format!("{}\n", link.replace('\n', " ")).as_bytes()).await?;
    let mut answer = [0; ANSWER.len()];
    stream.read_exact(&mut answer).await?;
    Ok(answer == ANSWER)
}

async fn hear(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<Option<String>> {
    let mut text = Vec::new();
    while !text.ends_with(b"\n") {
        let mut some = [0; 512];
        let count = stream.read(&mut some).await?;
        text.extend_from_slice(&some[..count]);
        if count == 0 || text.len() as u64 > MOST {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let text = String::from_utf8(text).map_err(|_| io::ErrorKind::InvalidData)?;
    stream.write_all(ANSWER).await?;
    Ok(Some(text.trim().to_owned()).filter(|link| !link.is_empty()))
}

#[cfg(unix)]
mod place {
    use std::os::unix::fs::PermissionsExt as _;
    use tokio::net::{UnixListener, UnixStream};

    use super::{Path, PathBuf, io};

    const FILE: &str = "app.sock";

    pub(super) struct Door {
        listener: UnixListener,
        path: PathBuf,
    }

    impl Door {
        pub(super) fn open(folder: &Path) -> io::Result<Self> {
            std::fs::create_dir_all(folder)?;
            let path = folder.join(FILE);
            // Of an app that ended without a word: nobody answered there just now.
            let _ = std::fs::remove_file(&path);
            let listener = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            Ok(Self { listener, path })
        }

        pub(super) async fn next(&mut self) -> io::Result<UnixStream> {
            Ok(self.listener.accept().await?.0)
        }
    }

    impl Drop for Door {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    pub(super) async fn connect(folder: &Path) -> io::Result<UnixStream> {
        UnixStream::connect(folder.join(FILE)).await
    }
}

#[cfg(windows)]
mod place {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions};

    use super::{Path, io};

    pub(super) struct Door {
        name: String,
        /// Stands open already when a visitor comes.
        next: NamedPipeServer,
    }

    impl Door {
        pub(super) fn open(folder: &Path) -> io::Result<Self> {
            let name = name(folder);
            let next = ServerOptions::new().first_pipe_instance(true).reject_remote_clients(true).create(&name)?;
            Ok(Self { name, next })
        }

        pub(super) async fn next(&mut self) -> io::Result<NamedPipeServer> {
            self.next.connect().await?;
            let further = ServerOptions::new().reject_remote_clients(true).create(&self.name)?;
            Ok(std::mem::replace(&mut self.next, further))
        }
    }

    pub(super) async fn connect(folder: &Path) -> io::Result<NamedPipeClient> {
        ClientOptions::new().open(name(folder))
    }

    /// Of this profile, in a space that all programs share.
    fn name(folder: &Path) -> String {
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        format!(r"\\.\pipe\fika-{:016x}", hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn the_first_one_hears_of_every_other() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!hand_over(folder.path(), Some("fika://a")).await, "nobody is there");
        let (said, mut heard) = mpsc::channel(8);
        let place = folder.path().to_owned();
        let (leave, leaves) = oneshot::channel();
        let task = tokio::spawn(async move { receive(place, leaves, |link| drop(said.try_send(link))).await });
        while !hand_over(folder.path(), Some("fika://a/j/b#c\nd")).await {
            tokio::task::yield_now().await;
        }
        assert_eq!(heard.recv().await, Some(Some("fika://a/j/b#c d".into())));
        assert!(!hand_over(folder.path(), Some(&"x".repeat(MOST as usize + 1))).await, "no link");
        assert!(hand_over(folder.path(), None).await);
        assert_eq!(heard.recv().await, Some(None));
        drop(leave);
        task.await.unwrap();
        assert!(!hand_over(folder.path(), None).await, "gone");
    }
}
