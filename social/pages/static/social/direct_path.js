// The direct path between two browsers, beside the relay by a media unit. Sound goes over both all the time; a page
// plays what comes directly once that has proven good, and the relay's again as soon as it gets worse. So neither
// change leaves a gap.

const LOOK_EVERY = 500;
/** A path is good after so many looks in a row at which sound came. */
const PROVEN_AFTER = 4;
/** Of the sound this part may be lost before the path counts as bad. */
const MOST_LOST = 0.1;
/** Milliseconds after which a path that was lost is tried again; doubled each time. */
const AGAIN_AFTER = 10000;

export class DirectPath {
  /** `servers()` returns STUN and TURN servers with credentials that are good now; `leads`: this side makes the offers.
   * `on`: send(data), play(stream), changed(isDirect). */
  constructor(servers, leads, on) {
    this.#servers = servers;
    this.#leads = leads;
    this.#on = on;
  }
  #servers;
  #leads;
  #on;
  #track = null;
  #peer = null;
  /** The attempt to which the signs of the other side must belong. */
  #attempt = "";
  #early = [];
  #timer = 0;
  #retry = 0;
  #pause = AGAIN_AFTER;
  #good = 0;
  #seen = { received: 0, lost: 0 };
  #isClosed = false;
  isDirect = false;

  /** Try the path; the side that does not lead waits for the other one's offer. */
  async open(track) {
    this.#track = track;
    if (!this.#leads || !track) return;
    const servers = await this.#servers();
    if (this.#isClosed) return;
    const peer = this.#begin(crypto.randomUUID(), servers);
    await peer.setLocalDescription();
    this.#say({ description: peer.localDescription });
  }

  /** Give the direct path up for good. */
  close() {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#drop();
  }

  /** Handle what the other side has sent. */
  async hear({ attempt, description, candidate }) {
    if (description?.type === "offer") {
      const servers = await this.#servers();
      if (this.#isClosed) return;
      const peer = this.#begin(attempt, servers);
      await peer.setRemoteDescription(description);
      await peer.setLocalDescription();
      this.#say({ description: peer.localDescription });
    } else if (attempt !== this.#attempt || !this.#peer) {
      if (candidate) this.#early.push({ attempt, candidate });
      return;
    } else if (description) await this.#peer.setRemoteDescription(description);
    if (candidate && this.#peer.remoteDescription) await this.#peer.addIceCandidate(candidate);
    else if (candidate) this.#early.push({ attempt, candidate });
    if (description) {
      for (const early of this.#early.splice(0)) {
        if (early.attempt === attempt) await this.#peer.addIceCandidate(early.candidate);
      }
    }
  }

  /** Begin a new WebRTC connection, in place of an earlier one; `attempt` is the id of both sides. */
  #begin(attempt, iceServers) {
    this.#drop();
    this.#attempt = attempt;
    const peer = new RTCPeerConnection({ iceServers });
    this.#peer = peer;
    if (this.#track) peer.addTrack(this.#track, new MediaStream([this.#track]));
    else peer.addTransceiver("audio", { direction: "recvonly" });
    peer.onicecandidate = ({ candidate }) => candidate && peer === this.#peer && this.#say({ candidate });
    peer.ontrack = ({ track }) => this.#on.play(new MediaStream([track]));
    peer.onconnectionstatechange = () => {
      if (peer === this.#peer && ["failed", "closed", "disconnected"].includes(peer.connectionState)) this.#lost();
    };
    this.#timer = setInterval(() => peer === this.#peer && this.#look(peer), LOOK_EVERY);
    return peer;
  }

  /** Send the other browser a part of the negotiation, by way of the platform. */
  #say(data) {
    this.#on.send({ attempt: this.#attempt, ...data });
  }

  /** Judge by received and lost packets whether the direct path may carry the sound. */
  async #look(peer) {
    if (peer.connectionState === "closed") return this.#lost();
    if (peer.connectionState !== "connected") return;
    let inbound = null;
    for (const report of (await peer.getStats()).values()) {
      if (report.type === "inbound-rtp" && report.kind === "audio") inbound = report;
    }
    if (!inbound || peer !== this.#peer) return;
    const received = inbound.packetsReceived - this.#seen.received;
    const lost = Math.max(0, inbound.packetsLost - this.#seen.lost);
    this.#seen = { received: inbound.packetsReceived, lost: inbound.packetsLost };
    const isGood = received > 0 && lost / (received + lost) <= MOST_LOST;
    this.#good = isGood ? this.#good + 1 : 0;
    if (isGood && this.#good >= PROVEN_AFTER) this.#change(true);
    else if (!isGood) this.#change(false);
  }

  /** Note whether the sound comes directly, and report a change. */
  #change(isDirect) {
    if (this.isDirect === isDirect) return;
    this.isDirect = isDirect;
    if (isDirect) this.#pause = AGAIN_AFTER;
    this.#on.changed(isDirect);
  }

  /** Drop the connection; the side that leads tries again, after a longer pause each time. */
  #lost() {
    this.#drop();
    if (!this.#leads || this.#isClosed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.open(this.#track).catch(() => this.#lost()), this.#pause);
    this.#pause *= 2;
  }

  /** Close the WebRTC connection, and forget what was measured of it. */
  #drop() {
    clearInterval(this.#timer);
    this.#peer?.close();
    this.#peer = null;
    this.#attempt = "";
    this.#good = 0;
    this.#seen = { received: 0, lost: 0 };
    this.#change(false);
  }
}
