import type { RTCSession } from "jssip/lib/RTCSession.js";
import { reasonFromSip } from "./end-reason.ts";
import type { CallEndReason, EndedBy } from "./end-reason.ts";
import type { Side } from "./call-state.ts";
import { Emitter } from "./emitter.ts";
import { answerHoldsOpenly } from "./hold-answer.ts";
import { burstMs, isUsable } from "./ice.ts";
import type { SipLine } from "./sip-line.ts";

export interface CallLegEvents {
  /** The other side rings; `earlyMedia`: the switch sends a sound of its own meanwhile. */
  progress: [earlyMedia: boolean];
  accepted: [];
  hold: [by: Side];
  unhold: [by: Side];
  /** What the other side says is there, or is there anew after a hold. */
  audio: [stream: MediaStream];
  /** Media goes both ways. */
  connected: [];
  /** Media broke off, or does not begin (true), and may come back by itself, or did (false). */
  unstable: [unstable: boolean];
  /** Media broke off for good. */
  broken: [];
  ended: [reason: CallEndReason, by: EndedBy];
}

/** What JsSIP gives as the cause when it hangs up because ICE has failed. */
const iceFailed = "RTP Timeout";
/** Milliseconds from the answer until media goes, even by a relay over a slow network. */
const connectMs = 4_000;
/** What FreeSWITCH's SIP stack answers to a call that comes in while it ends. (Sofia-SIP, nua_dialog.c) */
const goneStatus = 410;
/** Milliseconds for the switch to end a leg that another has taken over from. */
const replacedMs = 5_000;

/** One SIP dialog of a call with its media: a call that is rescued or moved gets another one. */
export class CallLeg extends Emitter<CallLegEvents> {
  readonly line: SipLine;
  /** Whether the switch rang here; else this device sent the INVITE. */
  readonly incoming: boolean;
  readonly #session: RTCSession;
  #accepted = false;
  #unstable = false;
  #discarded = false;
  #turnedAway = false;
  #remoteStream: MediaStream | undefined;

  constructor(line: SipLine, session: RTCSession) {
    super();
    this.line = line;
    this.#session = session;
    this.incoming = String(session.direction) === "incoming";
    if (session.connection) this.#watch(session.connection);
    else session.on("peerconnection", ({ peerconnection }) => this.#watch(peerconnection));
    this.#hurryIce();
    this.#stayWhenIceFails();
    answerHoldsOpenly(session);
    session.on("progress", (event: { originator: unknown; response?: { body?: string } | null }) => {
      if (event.originator === "remote") this.emit("progress", Boolean(event.response?.body));
    });
    session.on("accepted", () => {
      this.#accepted = true;
      this.emit("accepted");
      setTimeout(() => {
        if (!this.ended && !this.carries) this.#setUnstable(true);
      }, connectMs);
    });
    session.on("hold", ({ originator }) => this.emit("hold", sideOf(originator)));
    session.on("unhold", ({ originator }) => this.emit("unhold", sideOf(originator)));
    const ended = ({ originator, message, cause }: { originator: unknown; message: unknown; cause: string }) => {
      this.#turnedAway = !this.#accepted && !this.incoming && describeMessage(message).status === goneStatus;
      const by = originator === "local" ? "me" : originator === "remote" ? "peer" : "system";
      this.emit("ended", reasonFromSip({ cause, ...describeMessage(message) }), by);
    };
    session.on("ended", ended);
    session.on("failed", ended);
  }

  get accepted(): boolean {
    return this.#accepted;
  }

  get ended(): boolean {
    return this.#session.isEnded();
  }

  /** Whether the switch was about to end and took no call any more. */
  get turnedAway(): boolean {
    return this.#turnedAway;
  }

  /** Whether the switch may know of it. */
  get hasArrived(): boolean {
    return this.incoming || this.line.hasArrived(this.#session);
  }

  get unstable(): boolean {
    return this.#unstable;
  }

  /** Whether media goes both ways. */
  get carries(): boolean {
    return this.connection === undefined || this.connection.connectionState === "connected";
  }

  get remoteStream(): MediaStream | undefined {
    return this.#remoteStream;
  }

  get connection(): RTCPeerConnection | undefined {
    return this.#session.connection ?? undefined;
  }

  /** Whether the dialog has this Call-ID: JsSIP's id of a session is that with the tag of From. */
  isDialog(sipCallId: string): boolean {
    return this.#session.id.startsWith(sipCallId);
  }

  answer(mediaStream: MediaStream): void {
    this.#session.answer({ mediaStream, pcConfig: { iceServers: this.line.iceServers } });
  }

  /** Asks the switch to change the hold; false while the last change is still being agreed on. */
  hold(on: boolean): boolean {
    return on ? this.#session.hold() : this.#session.unhold();
  }

  /** JsSIP switches tracks of a connection, so before there is one the stream itself has to be switched. */
  mute(on: boolean): void {
    if (!this.#session.connection) return;
    if (on) this.#session.mute({ audio: true });
    else this.#session.unmute({ audio: true });
  }

  /** Whether nothing of this side is to be heard: muted, or on hold. */
  get silent(): boolean {
    return this.connection?.getSenders().some(({ track }) => track?.kind === "audio" && !track.enabled) ?? false;
  }

  /** Sends another microphone's voice from now on. */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    for (const sender of this.connection?.getSenders() ?? []) if (sender.track?.kind === "audio" || sender.track === null) await sender.replaceTrack(track);
  }

  sendDigits(digits: string): void {
    this.#session.sendDTMF(digits);
  }

  /** Ends the dialog; `status` refuses one that rings. */
  terminate(status?: number): void {
    try {
      if (!this.#session.isEnded()) this.#session.terminate(status === undefined ? {} : { status_code: status });
    } catch {
      // It ended in between: JsSIP refuses to end a session twice.
    }
  }

  /** Ends this leg, and tells nothing more of it. */
  discard(): void {
    if (this.#discarded) return;
    this.#discarded = true;
    this.removeListeners();
    this.terminate();
  }

  /**
   * Another leg has taken over. The switch ends this one when it has connected that with the other side, whose leg may still hang on this one and would
   * end with it.
   */
  giveWay(): void {
    this.removeListeners();
    setTimeout(() => this.discard(), replacedMs);
  }

  /** Sends the offer or answer with the first addresses instead of waiting for all. */
  #hurryIce(): void {
    let hurried = false;
    this.#session.on("icecandidate", ({ candidate, ready }) => {
      if (hurried || !isUsable(candidate.candidate)) return;
      hurried = true;
      setTimeout(() => {
        hurried = false;
        ready();
      }, burstMs);
    });
  }

  /** JsSIP hangs up when ICE has failed. To the server a BYE is what somebody wished, and nobody is brought back after it: the leg stays until another takes over. */
  #stayWhenIceFails(): void {
    const session = this.#session;
    const terminate = session.terminate.bind(session);
    session.terminate = (options) => {
      if (this.#accepted && options?.cause === iceFailed) this.emit("broken");
      else terminate(options);
    };
  }

  /** JsSIP does not say that media broke off, so the connection is watched here. */
  #watch(connection: RTCPeerConnection): void {
    connection.addEventListener("track", ({ track, streams }) => {
      this.#remoteStream = streams[0] ?? new MediaStream([track]);
      this.emit("audio", this.#remoteStream);
    });
    connection.addEventListener("connectionstatechange", () => {
      const { connectionState } = connection;
      if (connectionState === "failed") this.emit("broken");
      else if (connectionState === "disconnected") this.#setUnstable(true);
      else if (connectionState === "connected") {
        this.#setUnstable(false);
        this.emit("connected");
      }
    });
  }

  #setUnstable(unstable: boolean): void {
    if (unstable === this.#unstable) return;
    this.#unstable = unstable;
    this.emit("unstable", unstable);
  }
}

function sideOf(originator: unknown): Side {
  return originator === "local" ? "me" : "peer";
}

/** Status code and Reason header of the SIP message that ended a session, when one did. */
function describeMessage(message: unknown): { status?: number | undefined; reasonHeader?: string | undefined } {
  const sip = message as { status_code?: number; getHeader?(name: string): string | undefined } | null;
  return { status: sip?.status_code ?? undefined, reasonHeader: sip?.getHeader?.("Reason") ?? undefined };
}
