//! A connection that is being negotiated or in use, with its tasks.

use std::sync::Arc;

use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use webrtc::error::{Error, Result};
use webrtc::media_stream::track_local::TrackLocal as _;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{PeerConnection, RTCIceCandidateInit, RTCSessionDescription};

use super::connection::{self, News, Parts};
use super::receiver::Receiver;
use super::{Context, Sink, data, sender};
use crate::filter::{Familiar, Shortcuts};
use crate::hooks::{Hint, SharedLink, Ssrcs};
use crate::sdp::{self, MAX_CANDIDATES, Payloads};
use crate::session::{AUDIO_QUEUE, PEER_VIDEO_QUEUE};

pub(super) struct Active {
    connection: Arc<dyn PeerConnection>,
    audio: Arc<TrackLocalStaticRTP>,
    video: Arc<TrackLocalStaticRTP>,
    ssrcs: Ssrcs,
    pub(super) link: SharedLink,
    pub(super) news: mpsc::Receiver<News>,
    pub(super) hints: mpsc::Receiver<Hint>,
    pub(super) plis: mpsc::Receiver<()>,
    hints_end: mpsc::Sender<Hint>,
    pub(super) connected: bool,
    wishes: mpsc::Sender<()>,
    tasks: JoinSet<()>,
    /// What the peer takes; known with its description.
    payloads: Option<Payloads>,
    /// Candidates that came before the description.
    early: Vec<String>,
    candidates: usize,
    /// Wakes who checks candidates.
    hurry: Arc<Notify>,
    shortcuts: Arc<Shortcuts>,
}

impl Active {
    /// A connection and the offer of it.
    pub(super) async fn offer(context: &Context) -> Result<(Self, String)> {
        let active = Self::new(context, connection::build(&context.settings).await?);
        let offer = active.connection.create_offer(None).await?;
        let sdp = sdp::outgoing(&offer.sdp, &active.shortcuts.cookie);
        active.connection.set_local_description(offer).await?;
        Ok((active, sdp))
    }

    /// A connection for a peer's offer, and the answer.
    pub(super) async fn answer(context: &Context, offer: &str) -> Result<(Self, String)> {
        let payloads = read(offer)?;
        let mut active = Self::new(context, connection::build(&context.settings).await?);
        active.know(offer);
        let offer = RTCSessionDescription::offer(sdp::without_candidates(offer))?;
        active.connection.set_remote_description(offer).await?;
        active.set_payloads(payloads).await;
        let answer = active.connection.create_answer(None).await?;
        let sdp = sdp::outgoing(&answer.sdp, &active.shortcuts.cookie);
        active.connection.set_local_description(answer).await?;
        active.hurry.notify_one();
        Ok((active, sdp))
    }

    fn new(context: &Context, parts: Parts) -> Self {
        let Parts {
            connection,
            audio,
            video,
            channels,
            ssrcs,
            link,
            news,
            hints,
            hints_end,
            arrivals,
            hurry,
            shortcuts,
        } = parts;
        let (wishes, wishes_end) = mpsc::channel(1);
        let (plis_end, plis) = mpsc::channel(1);
        let receiver = Receiver {
            participant: context.participant.clone(),
            clock: context.settings.clock,
            link: link.clone(),
            arrivals,
            tracks: context.tracks.clone(),
            wishes: wishes_end,
            plis: plis_end,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(receiver.run());
        data::serve(channels, &context.participant, &context.post, &mut tasks);
        Self {
            connection,
            audio,
            video,
            ssrcs,
            link,
            news,
            hints,
            plis,
            hints_end,
            connected: false,
            wishes,
            tasks,
            payloads: None,
            early: Vec::new(),
            candidates: 0,
            hurry,
            shortcuts,
        }
    }

    /// The peer's description is known.
    pub(super) const fn is_answered(&self) -> bool {
        self.payloads.is_some()
    }

    pub(super) async fn set_answer(&mut self, answer: &str) -> Result<()> {
        let payloads = read(answer)?;
        self.know(answer);
        let answer = RTCSessionDescription::answer(sdp::without_candidates(answer))?;
        self.connection.set_remote_description(answer).await?;
        self.set_payloads(payloads).await;
        Ok(())
    }

    /// Before the path is looked for.
    fn know(&self, description: &str) {
        if let Some((cookie, password)) = sdp::familiar(description) {
            // Described once.
            let _ = self.shortcuts.peer.set(Familiar { cookie, password });
        }
    }

    async fn set_payloads(&mut self, payloads: Payloads) {
        self.payloads = Some(payloads);
        self.link.lock().video_payload = payloads.video;
        for candidate in std::mem::take(&mut self.early) {
            self.add_candidate(candidate).await;
        }
    }

    pub(super) async fn on_candidate(&mut self, candidate: String, loopback: bool) {
        self.candidates += 1;
        if self.candidates > MAX_CANDIDATES || !sdp::allowed_candidate(&candidate, loopback) {
            tracing::debug!("a candidate is refused");
        } else if self.payloads.is_some() {
            self.add_candidate(candidate).await;
        } else {
            self.early.push(candidate);
        }
    }

    async fn add_candidate(&self, candidate: String) {
        let candidate = RTCIceCandidateInit {
            candidate,
            sdp_mid: Some("0".to_owned()),
            sdp_mline_index: Some(0),
            ..Default::default()
        };
        if let Err(error) = self.connection.add_ice_candidate(candidate).await {
            tracing::debug!(%error, "a candidate cannot be used");
        }
        self.hurry.notify_one();
    }

    /// `None`: sending already, or nothing is negotiated.
    pub(super) fn start_sending(&mut self, context: &Context) -> Option<Sink> {
        if std::mem::replace(&mut self.connected, true) {
            return None;
        }
        let payloads = self.payloads?;
        let audio = payloads.opus.map(|payload_type| {
            let (queue, frames) = mpsc::channel(AUDIO_QUEUE);
            self.tasks.spawn(sender::audio(Arc::clone(&self.audio), self.ssrcs, payload_type, frames));
            queue
        });
        let video = payloads.video.map(|payload| {
            let (queue, frames) = mpsc::channel(PEER_VIDEO_QUEUE);
            let (track, link) = (Arc::clone(&self.video), self.link.clone());
            let (clock, hints) = (context.settings.clock, self.hints_end.clone());
            let video = sender::Video { track, ssrcs: self.ssrcs, payload, link, clock, hints };
            self.tasks.spawn(video.run(frames));
            queue
        });
        Some(Sink { video, audio, served: Arc::clone(&context.served) })
    }

    pub(super) fn wish_keyframe(&self) {
        // Full: a wish is under way.
        let _ = self.wishes.try_send(());
    }

    pub(super) async fn send_pli(&self) {
        let Some(media_ssrc) = self.link.lock().remote_video else { return };
        let pli: Box<dyn rtcp::Packet> = Box::new(PictureLossIndication { sender_ssrc: self.ssrcs.video, media_ssrc });
        if let Err(error) = self.video.write_rtcp(vec![pli]).await {
            tracing::debug!(%error, "a keyframe cannot be asked for");
        }
    }

    pub(super) async fn stats(&self) -> fika_call::session::PeerStats {
        let pair = super::stats::pair(&self.connection).await;
        super::stats::read(&self.link.lock(), pair)
    }

    /// Returns when nothing of the connection runs any more.
    pub(super) async fn close(mut self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "a connection does not close in order");
        }
        self.tasks.shutdown().await;
    }
}

fn read(sdp: &str) -> Result<Payloads> {
    sdp::payloads(sdp).ok_or_else(|| Error::Other("not a description of a call".to_owned()))
}
