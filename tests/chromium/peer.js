// The peer connection to one participant: the smaller id offers; one video codec, H.264 unless told, and Opus only.

const only = (kind, mime) => RTCRtpReceiver.getCapabilities(kind).codecs.filter((codec) =>
  [mime, `${kind}/rtx`].includes(codec.mimeType.toLowerCase()));

export class Peer {
  /** `tell(body)` sends; `stream` is what we show, if anything; `onTrack(stream)` gets what the other shows. */
  constructor({ offers, iceServers, stream, maxBitrate, free, codec, tell, onTrack, mark }) {
    Object.assign(this, { offers, stream, maxBitrate, free, codec, tell, mark });
    this.waiting = [];
    this.pc = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    this.pc.onicecandidate = ({ candidate }) => tell({
      type: 'candidate',
      candidate: candidate?.candidate || null,
      sdpMid: candidate?.sdpMid ?? null,
      sdpMLineIndex: candidate?.sdpMLineIndex ?? null,
    });
    this.pc.onconnectionstatechange = () => mark(this.pc.connectionState);
    this.remote = new MediaStream();
    this.pc.ontrack = ({ track }) => {
      this.remote.addTrack(track);
      onTrack(this.remote);
    };
  }

  async offer() {
    for (const kind of ['audio', 'video']) {
      const track = this.stream?.getTracks().find((track) => track.kind === kind);
      if (track) this.pc.addTransceiver(track, { direction: 'sendrecv', streams: [this.stream] });
      else this.pc.addTransceiver(kind, { direction: 'recvonly' });
    }
    this.preferCodecs();
    await this.pc.setLocalDescription();
    // Before the first candidate, which comes with the next task.
    this.tell({ type: 'offer', sdp: this.pc.localDescription.sdp });
    await this.limit();
  }

  async receive(body) {
    if (body.type === 'offer') {
      await this.pc.setRemoteDescription({ type: 'offer', sdp: body.sdp });
      const sent = this.pc.getSenders().map((sender) => sender.track);
      for (const track of this.stream?.getTracks() ?? []) if (!sent.includes(track)) this.pc.addTrack(track, this.stream);
      this.preferCodecs();
      await this.pc.setLocalDescription();
      this.tell({ type: 'answer', sdp: this.pc.localDescription.sdp });
      await this.limit();
      this.mark('answered');
    } else if (body.type === 'answer') {
      await this.pc.setRemoteDescription({ type: 'answer', sdp: body.sdp });
      this.mark('answered');
      this.mark('applied');
    } else if (body.type === 'candidate') {
      this.waiting.push(body);
    }
    if (this.pc.remoteDescription) {
      for (const { candidate, sdpMid, sdpMLineIndex } of this.waiting.splice(0)) {
        if (candidate !== null) await this.pc.addIceCandidate({ candidate, sdpMid, sdpMLineIndex });
      }
    }
  }

  /** Looks for a path anew and keeps everything else (W3C WebRTC, restartIce). */
  async restart() {
    this.pc.restartIce();
    await this.pc.setLocalDescription();
    this.tell({ type: 'offer', sdp: this.pc.localDescription.sdp });
  }

  preferCodecs() {
    for (const transceiver of this.pc.getTransceivers()) {
      const kind = transceiver.receiver.track.kind;
      transceiver.setCodecPreferences(kind === 'video' ? only('video', `video/${this.codec}`) : only('audio', 'audio/opus'));
    }
  }

  // Chromium starts small and would take half a minute to 720p; a fixed size is what the other side is measured with.
  async limit() {
    for (const sender of this.pc.getSenders().filter((sender) => sender.track?.kind === 'video')) {
      const parameters = sender.getParameters();
      if (!this.free) parameters.degradationPreference = 'maintain-resolution';
      if (parameters.encodings[0]) parameters.encodings[0].maxBitrate = this.maxBitrate;
      await sender.setParameters(parameters);
    }
  }

  close() {
    this.pc.close();
  }
}
