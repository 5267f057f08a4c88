//! Builds and negotiates one WebRTC connection: two permanent sections, Opus and H.264, each in both directions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fika_call::session::ConnectionPrivacy;
use fika_call::signal::IceServer;
use fika_rtp::clock::RtpClock;
use fika_rtp::congestion::Config;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RTCRtpRtxParameters, RtpCodecKind,
};
use tokio::sync::{Notify, mpsc};
use webrtc::error::{Error, Result};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
    RTCIceGatheringState, RTCIceServer, RTCIceTransportPolicy, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
};

use super::data::{self, Channels};
use crate::clock::SessionClock;
use crate::filter::{FilteredRuntime, Shortcuts};
use crate::hooks::{self, Arrival, HINT_QUEUE, Hint, INTAKE_QUEUE, SharedLink, Ssrcs};
use crate::mesh::Network;
use crate::relay::Relays;
use crate::{random, sdp};

/// Full: the peer connection's news are lost; two hundred candidates are more than any machine has addresses.
const NEWS_QUEUE: usize = 256;
/// No answer to a check for this time: disconnected.
const ICE_DISCONNECTED: Duration = Duration::from_secs(3);
const ICE_FAILED: Duration = Duration::from_secs(15);
const ICE_KEEPALIVE: Duration = Duration::from_secs(1);
/// How soon the agent sees that a pair works and nominates it. What it checks again so soon is thinned out by
/// [`crate::filter`].
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// Checks of a pair before it fails: five seconds, because the far side may learn of its candidates late.
const CHECKS: u16 = 500;
/// How long a pair that may be better is waited for, by the kind of the pair at hand.
const REFLEXIVE_WAIT: Duration = Duration::from_millis(100);
const RELAY_WAIT: Duration = Duration::from_secs(1);

/// What the connection reports.
#[derive(Debug)]
pub(crate) enum News {
    Candidate(String),
    /// There are no more of our own.
    Gathered,
    State(RTCPeerConnectionState),
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) ice_servers: Vec<IceServer>,
    pub(crate) privacy: ConnectionPrivacy,
    /// The server is on this machine, so peers may be too.
    pub(crate) loopback: bool,
    pub(crate) network: Network,
    pub(crate) max_video_bitrate: u32,
    /// Of pictures, on the last connection to the peer or on those to others; bits a second.
    pub(crate) known_bitrate: Option<u32>,
    pub(crate) clock: SessionClock,
}

impl Settings {
    /// A TURN server is named.
    pub(crate) fn has_relay(&self) -> bool {
        self.ice_servers.iter().flat_map(|server| &server.urls).any(|url| url.starts_with("turn"))
    }
}

/// A connection and its ends inside the process.
pub(crate) struct Parts {
    pub(crate) connection: Arc<dyn PeerConnection>,
    pub(crate) audio: Arc<TrackLocalStaticRTP>,
    pub(crate) video: Arc<TrackLocalStaticRTP>,
    pub(crate) channels: Channels,
    pub(crate) ssrcs: Ssrcs,
    pub(crate) link: SharedLink,
    pub(crate) news: mpsc::Receiver<News>,
    pub(crate) hints: mpsc::Receiver<Hint>,
    pub(crate) hints_end: mpsc::Sender<Hint>,
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
    /// Wakes the driver, which does not notice what it is given to check.
    pub(crate) hurry: Arc<Notify>,
    pub(crate) shortcuts: Arc<Shortcuts>,
}

pub(crate) async fn build(settings: &Settings) -> Result<Parts> {
    if !settings.network.multicast {
        return build_with(settings, MulticastDnsMode::Disabled).await;
    }
    match build_with(settings, MulticastDnsMode::QueryOnly).await {
        Ok(parts) => Ok(parts),
        Err(error) => {
            // No multicast here: the addresses that browsers hide behind a .local name stay hidden, the others work.
            tracing::debug!(%error, "a connection is built without mDNS");
            build_with(settings, MulticastDnsMode::Disabled).await
        }
    }
}

async fn build_with(settings: &Settings, mdns: MulticastDnsMode) -> Result<Parts> {
    let ssrcs = Ssrcs {
        audio: random::u32(),
        video: random::u32(),
        video_rtx: random::u32(),
        audio_clock: RtpClock { rate: 48_000, offset: random::u32() },
        video_clock: RtpClock { rate: 90_000, offset: random::u32() },
    };
    let path = Config::with_max(settings.max_video_bitrate).starting_near(settings.known_bitrate);
    let link = SharedLink::new(path);
    let (news_end, news) = mpsc::channel(NEWS_QUEUE);
    let (hints_end, hints) = mpsc::channel(HINT_QUEUE);
    let (arrivals_end, arrivals) = mpsc::channel(INTAKE_QUEUE);

    let hurry = Arc::new(Notify::new());
    let provider = rtc::crypto::default_provider().map_err(|error| Error::Crypto(error.to_string()))?;
    let shortcuts = Arc::new(Shortcuts::new(random::bytes(), provider));
    let (relays, ice_servers) = Relays::read(&settings.ice_servers, &settings.network.trust);
    let configuration = RTCConfigurationBuilder::new()
        .with_ice_servers(ice_servers.iter().filter_map(ice_server).collect())
        .with_ice_transport_policy(match settings.privacy {
            ConnectionPrivacy::RelayOnly => RTCIceTransportPolicy::Relay,
            _ => RTCIceTransportPolicy::All,
        })
        .build();
    let engine = SettingEngineBuilder::new()
        // Whatever is negotiated later, the roles stay: a browser refuses an answer that swaps them.
        .with_answering_dtls_role(RTCDtlsRole::Server)
        .with_ice_timeouts(Some(ICE_DISCONNECTED), Some(ICE_FAILED), Some(ICE_KEEPALIVE))
        .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECKS))
        .with_srflx_acceptance_min_wait(Some(REFLEXIVE_WAIT))
        .with_prflx_acceptance_min_wait(Some(REFLEXIVE_WAIT))
        .with_relay_acceptance_min_wait(Some(match settings.privacy {
            ConnectionPrivacy::RelayOnly => Duration::ZERO,
            _ => RELAY_WAIT,
        }))
        .with_include_loopback_candidate(settings.loopback)
        .with_multicast_dns_mode(mdns)
        .with_crypto_provider(Arc::clone(&shortcuts.provider))
        .build();
    let registry = hooks::registry(&link, settings.clock, ssrcs, arrivals_end, hints_end.clone());
    let connection: Arc<dyn PeerConnection> = Arc::new(
        PeerConnectionBuilder::new()
            .with_configuration(configuration)
            .with_setting_engine(engine)
            .with_media_engine(media_engine()?)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(Handler(news_end)))
            .with_runtime(Arc::new(FilteredRuntime::new(relays, Arc::clone(&hurry), Arc::clone(&shortcuts))))
            .with_udp_addrs(local_addresses(settings))
            .with_data_channel_send_buffer_limit(data::SEND_BUFFER)
            .build()
            .await?,
    );
    let audio = track(RtpCodecKind::Audio, opus().rtp_codec, ssrcs.audio, None);
    let video =
        track(RtpCodecKind::Video, h264(sdp::MAIN, sdp::MAIN_FMTP).rtp_codec, ssrcs.video, Some(ssrcs.video_rtx));
    connection.add_track(Arc::clone(&audio) as Arc<dyn TrackLocal>).await?;
    connection.add_track(Arc::clone(&video) as Arc<dyn TrackLocal>).await?;
    let channels = data::open(connection.as_ref()).await?;
    Ok(Parts { connection, audio, video, channels, ssrcs, link, news, hints, hints_end, arrivals, hurry, shortcuts })
}

/// Called inside the driver's loop: never waits.
struct Handler(mpsc::Sender<News>);

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if let Ok(candidate) = event.candidate.to_json() {
            let _ = self.0.try_send(News::Candidate(candidate.candidate));
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.0.try_send(News::Gathered);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let _ = self.0.try_send(News::State(state));
    }
}

/// `None`: an address that cannot be used; one wrong line of a server's configuration must not end all calls.
fn ice_server(server: &IceServer) -> Option<RTCIceServer> {
    let server = RTCIceServer {
        urls: server.urls.clone(),
        username: server.username.clone().unwrap_or_default(),
        credential: server.credential.clone().unwrap_or_default(),
    };
    if server.urls().is_err() {
        tracing::warn!("a STUN or TURN server has an address that cannot be used");
        return None;
    }
    Some(server)
}

/// What was asked for, else every interface of a family that has one; this machine alone only where peers may be on it.
/// What cannot be bound is passed over.
fn local_addresses(settings: &Settings) -> Vec<SocketAddr> {
    if !settings.network.addresses.is_empty() {
        return settings.network.addresses.clone();
    }
    let loopback = settings.loopback;
    let usable = |v4: bool| {
        if_addrs::get_if_addrs().unwrap_or_default().iter().any(|interface| {
            let ip = interface.ip();
            ip.is_ipv4() == v4 && !ip.is_loopback() && !interface.is_link_local()
        })
    };
    let (v4, v6) = (usable(true), usable(false));
    let mut addresses: Vec<IpAddr> = Vec::new();
    // Without any interface it still may reach a TURN server, once there is one.
    if v4 || !(v6 || loopback) {
        addresses.push(Ipv4Addr::UNSPECIFIED.into());
    }
    if v6 {
        addresses.push(Ipv6Addr::UNSPECIFIED.into());
    }
    if loopback {
        addresses.extend([IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()]);
    }
    addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()
}

fn media_engine() -> Result<MediaEngine> {
    let mut engine = MediaEngine::default();
    engine.register_codec(opus(), RtpCodecKind::Audio)?;
    for (payload_type, rtx_type, fmtp) in
        [(sdp::MAIN, sdp::MAIN_RTX, sdp::MAIN_FMTP), (sdp::BASELINE, sdp::BASELINE_RTX, sdp::BASELINE_FMTP)]
    {
        engine.register_codec(h264(payload_type, fmtp), RtpCodecKind::Video)?;
        engine.register_codec(rtx(rtx_type, payload_type), RtpCodecKind::Video)?;
    }
    let both = [RtpCodecKind::Audio, RtpCodecKind::Video];
    let video = [RtpCodecKind::Video];
    for (uri, kinds) in [(hooks::TRANSPORT_CC_URI, &both[..]), (fika_rtp::capture_time::URI, &video[..])] {
        for kind in kinds {
            engine.register_header_extension(RTCRtpHeaderExtensionCapability { uri: uri.to_owned() }, *kind, None)?;
        }
    }
    Ok(engine)
}

fn feedback(kinds: &[(&str, &str)]) -> Vec<RTCPFeedback> {
    kinds.iter().map(|(typ, parameter)| RTCPFeedback { typ: (*typ).into(), parameter: (*parameter).into() }).collect()
}

fn opus() -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: MIME_TYPE_OPUS.to_owned(),
            clock_rate: 48_000,
            channels: 2,
            sdp_fmtp_line: sdp::OPUS_FMTP.to_owned(),
            rtcp_feedback: feedback(&[("transport-cc", "")]),
        },
        payload_type: sdp::OPUS,
    }
}

fn h264(payload_type: u8, fmtp: &str) -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: MIME_TYPE_H264.to_owned(),
            clock_rate: 90_000,
            channels: 0,
            sdp_fmtp_line: fmtp.to_owned(),
            rtcp_feedback: feedback(&[("transport-cc", ""), ("ccm", "fir"), ("nack", ""), ("nack", "pli")]),
        },
        payload_type,
    }
}

fn rtx(payload_type: u8, repaired: u8) -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: MIME_TYPE_RTX.to_owned(),
            clock_rate: 90_000,
            channels: 0,
            sdp_fmtp_line: format!("apt={repaired}"),
            rtcp_feedback: Vec::new(),
        },
        payload_type,
    }
}

fn track(kind: RtpCodecKind, codec: RTCRtpCodec, ssrc: u32, rtx: Option<u32>) -> Arc<TrackLocalStaticRTP> {
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            rtx: rtx.map(|ssrc| RTCRtpRtxParameters { ssrc }),
            ..Default::default()
        },
        codec,
        ..Default::default()
    };
    let name = kind.to_string();
    Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new("fika".to_owned(), name.clone(), name, kind, vec![coding])))
}
