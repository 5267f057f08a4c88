//! Gives each of our encoded frames to every connection: encoded once, sent to all.
//!
//! One tokio task. While a connection has no room, no frame is taken, so that the encoder leaves out raw pictures instead;
//! of several, one that has no room for [`PATIENCE`] is left behind: it loses video up to a keyframe, which is asked for when it
//! has room again. Sound is dropped. Who looks at nothing gets no video.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fika_media::EncodedFrame;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, timeout_at};

use crate::peer::Sink;

/// As long as a path is given to empty its queue.
const PATIENCE: Duration = Duration::from_millis(300);

/// `pressed` is told when a keyframe is needed. Ends with the session.
pub(super) async fn run(
    mut video: mpsc::Receiver<EncodedFrame>,
    mut audio: mpsc::Receiver<EncodedFrame>,
    mut sinks: mpsc::Receiver<Sink>,
    pressed: mpsc::Sender<()>,
) {
    let mut outputs: Vec<Output> = Vec::new();
    loop {
        outputs.iter_mut().for_each(Output::look);
        let several = outputs.iter().filter(|output| output.takes_video()).count() > 1;
        let full = outputs.iter().position(Output::is_waited_for);
        tokio::select! {
            biased;
            sink = sinks.recv() => match sink {
                Some(sink) => outputs.push(Output::new(sink)),
                None => return,
            },
            Some(frame) = audio.recv() => outputs.retain(|output| output.audio(&frame)),
            in_time = room(full.map(|at| &outputs[at]), several), if full.is_some() => {
                if !in_time && let Some(output) = full.and_then(|at| outputs.get_mut(at)) {
                    output.left_behind = true;
                }
            }
            Some(frame) = video.recv(), if full.is_none() => {
                let mut press = false;
                outputs.retain_mut(|output| output.video(&frame, &mut press));
                if press {
                    let _ = pressed.try_send(());
                }
            }
        }
    }
}

/// Until there is room, or the connection is gone. `false`: the others have waited long enough.
async fn room(output: Option<&Output>, several: bool) -> bool {
    let Some((queue, since)) = output.and_then(|output| Some((output.sink.video.as_ref()?, output.full_since?))) else {
        return true;
    };
    if several {
        return timeout_at(since + PATIENCE, queue.reserve()).await.is_ok();
    }
    let _ = queue.reserve().await;
    true
}

struct Output {
    sink: Sink,
    needs_keyframe: bool,
    full_since: Option<Instant>,
    left_behind: bool,
}

impl Output {
    fn new(sink: Sink) -> Self {
        Self { sink, needs_keyframe: true, full_since: None, left_behind: false }
    }

    /// Keeps in mind since when there is no room.
    fn look(&mut self) {
        let queue = self.sink.video.as_ref();
        if queue.is_some_and(|queue| queue.capacity() == 0 && !queue.is_closed()) {
            self.full_since.get_or_insert_with(Instant::now);
        } else {
            (self.full_since, self.left_behind) = (None, false);
        }
    }

    fn takes_video(&self) -> bool {
        self.sink.video.is_some() && self.sink.served.load(Ordering::Relaxed)
    }

    fn is_waited_for(&self) -> bool {
        self.takes_video() && self.full_since.is_some() && !self.left_behind
    }

    /// `false`: the connection is gone.
    fn audio(&self, frame: &EncodedFrame) -> bool {
        let Some(queue) = &self.sink.audio else { return true };
        !matches!(queue.try_send(frame.clone()), Err(TrySendError::Closed(_)))
    }

    fn video(&mut self, frame: &EncodedFrame, press: &mut bool) -> bool {
        let Some(queue) = &self.sink.video else { return true };
        if !self.sink.served.load(Ordering::Relaxed) {
            self.needs_keyframe = true;
            return !queue.is_closed();
        }
        if self.needs_keyframe && !frame.keyframe {
            // Without room it would be lost too.
            *press |= queue.capacity() > 0;
            return !queue.is_closed();
        }
        match queue.try_send(frame.clone()) {
            Ok(()) => self.needs_keyframe = false,
            Err(TrySendError::Full(_)) => self.needs_keyframe = true,
            Err(TrySendError::Closed(_)) => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use bytes::Bytes;
    use fika_media::Timestamp;

    use super::*;

    fn frame(keyframe: bool) -> EncodedFrame {
        EncodedFrame { pts: Timestamp::ZERO, keyframe, payload: Bytes::from_static(b"x") }
    }

    fn output(size: usize) -> (Output, mpsc::Receiver<EncodedFrame>) {
        let (queue, receiver) = mpsc::channel(size);
        let sink = Sink { video: Some(queue), audio: None, served: Arc::new(AtomicBool::new(true)) };
        (Output::new(sink), receiver)
    }

    #[test]
    fn a_new_or_slow_peer_starts_at_a_keyframe() {
        let (mut output, mut received) = output(1);
        let mut press = false;
        assert!(output.video(&frame(false), &mut press) && press);
        assert!(received.try_recv().is_err());
        press = false;
        assert!(output.video(&frame(true), &mut press) && !press);
        assert!(output.video(&frame(false), &mut press) && !press, "full: a keyframe would find no room either");
        received.try_recv().unwrap();
        assert!(output.video(&frame(false), &mut press) && press);
        assert!(received.try_recv().is_err(), "depends on the dropped one");
        assert!(output.video(&frame(true), &mut press));
        assert!(received.try_recv().unwrap().keyframe);
    }

    #[tokio::test]
    async fn while_the_only_peer_has_no_room_no_frame_is_taken() {
        let (video, video_end) = mpsc::channel(1);
        let (_audio, audio_end) = mpsc::channel(1);
        let (sinks, sinks_end) = mpsc::channel(1);
        let (pressed, _pressed) = mpsc::channel(1);
        let (output, mut received) = output(1);
        sinks.send(output.sink).await.unwrap();
        let task = tokio::spawn(run(video_end, audio_end, sinks_end, pressed));
        video.send(frame(true)).await.unwrap();
        video.send(frame(false)).await.unwrap();
        // Everything that can run has run.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(video.try_send(frame(false)).is_err(), "the second one waits");
        assert!(received.recv().await.unwrap().keyframe);
        assert!(!received.recv().await.unwrap().keyframe, "and comes when there is room");
        drop(sinks);
        task.await.unwrap();
    }

    #[test]
    fn one_of_several_that_stays_behind_is_not_waited_for() {
        let (mut output, mut received) = output(1);
        assert!(output.video(&frame(true), &mut false));
        output.look();
        assert!(output.is_waited_for());
        output.left_behind = true;
        assert!(!output.is_waited_for());
        let mut press = false;
        assert!(output.video(&frame(false), &mut press) && !press);
        received.try_recv().unwrap();
        output.look();
        assert!(output.full_since.is_none() && !output.left_behind);
        assert!(output.video(&frame(false), &mut press) && press, "it begins anew");
    }

    #[test]
    fn who_looks_at_nothing_gets_nothing_and_begins_anew() {
        let (mut output, mut received) = output(4);
        let mut press = false;
        assert!(output.video(&frame(true), &mut press));
        output.sink.served.store(false, Ordering::Relaxed);
        assert!(output.video(&frame(false), &mut press) && output.video(&frame(true), &mut press) && !press);
        received.try_recv().unwrap();
        assert!(received.try_recv().is_err());
        output.sink.served.store(true, Ordering::Relaxed);
        assert!(output.video(&frame(false), &mut press) && press, "asks for a keyframe");
        assert!(received.try_recv().is_err());
        assert!(output.video(&frame(true), &mut press));
        assert!(received.try_recv().unwrap().keyframe);
    }

    #[test]
    fn a_closed_connection_is_forgotten() {
        let (mut output, received) = output(1);
        drop(received);
        assert!(!output.video(&frame(true), &mut false));
        assert!(!output.video(&frame(false), &mut false));
    }
}
