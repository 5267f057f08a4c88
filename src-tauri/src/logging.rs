//! The log: to stderr and to `fika.log` in the profile folder, which each start begins anew. Panics go there too.
//! `FIKA_LOG` takes tracing's filter syntax. Nothing secret is logged above DEBUG.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt};

const VARIABLE: &str = "FIKA_LOG";
const DEFAULT: &str = "warn,fika=info";
const FILE: &str = "fika.log";

pub(crate) fn start(folder: &Path) {
    let filter = EnvFilter::try_from_env(VARIABLE)
        .unwrap_or_else(|_| EnvFilter::new(format!("{DEFAULT},{}", fika_net::LOG_DIRECTIVES)));
    let file = std::fs::create_dir_all(folder).and_then(|()| File::create(folder.join(FILE)));
    let writer = match file {
        Ok(file) => BoxMakeWriter::new(std::io::stderr.and(Mutex::new(file))),
        Err(_) => BoxMakeWriter::new(std::io::stderr),
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer).init();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!(%panic, "a thread has panicked");
        before(panic);
    }));
}
