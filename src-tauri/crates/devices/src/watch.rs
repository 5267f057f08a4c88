//! Notices when devices come, go, or stop being the system's default. There is no event to wait for on every system, so
//! the thread `device-watch` looks every other second; on Linux that opens no camera.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use fika_media::device::{DeviceEvent, DeviceInfo};

use crate::thread::{self, Worker};

const EVERY: Duration = Duration::from_secs(2);
/// How long ending waits for a look that is under way.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// Ends the watch when it is dropped.
pub(crate) struct Watch {
    /// Dropping it wakes and ends the thread.
    alive: Option<SyncSender<()>>,
    worker: Option<Worker>,
}

/// Calls `on_event` from the thread whenever `list` differs from the time before, beginning with now.
pub(crate) fn start(
    list: Arc<dyn Fn() -> Vec<DeviceInfo> + Send + Sync>,
    on_event: Box<dyn Fn(DeviceEvent) + Send>,
) -> Watch {
    let (alive, ended) = sync_channel::<()>(1);
    let mut last = list();
    let worker = thread::spawn("device-watch", move || {
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(EVERY) {
            let now = list();
            if now != last {
                last = now.clone();
                on_event(DeviceEvent::Changed(now));
            }
        }
    });
    let worker = worker.inspect_err(|error| tracing::error!(%error, "devices are not watched")).ok();
    Watch { alive: Some(alive), worker }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.alive = None;
        if let Some(worker) = self.worker.take().filter(|worker| !worker.is_current())
            && !worker.wait(END_TIMEOUT)
        {
            tracing::warn!("the list of devices does not come; its thread is abandoned");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use fika_media::device::{DeviceId, DeviceKind};

    use super::*;

    #[test]
    fn a_change_is_reported_once_with_the_whole_list() {
        let looks = AtomicUsize::new(0);
        let list = Arc::new(move || {
            let plugged = looks.fetch_add(1, Ordering::Relaxed) > 0;
            let device = DeviceInfo {
                kind: DeviceKind::Camera,
                id: DeviceId("camera:1".to_owned()),
                name: "Desk".to_owned(),
                is_default: true,
            };
            if plugged { vec![device] } else { Vec::new() }
        });
        let (events, event) = sync_channel(8);
        let watch = start(list, Box::new(move |event| events.send(event).unwrap()));
        let DeviceEvent::Changed(devices) = event.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(devices.len(), 1);
        drop(watch);
        assert!(event.recv().is_err(), "the thread has ended and there was one event");
    }
}
