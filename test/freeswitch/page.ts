/** Runs in Chromium: one user agent, and an ear that tells which tone it hears and remembers what it heard. Driven through `window.phone`. */
import * as JsSIP from "jssip";
import { answerHoldsOpenly } from "../../app/client/hold-answer.ts";
import { Memory } from "./page-memory.ts";

type Session = ReturnType<InstanceType<typeof JsSIP.UA>["call"]>;

const fftSize = 4096;
const rate = 48_000;

class Phone {
  readonly sessions: Session[] = [];
  /** What happened, in order: "progress", "failed Busy 486", "hold remote", "dtmf 5"… */
  readonly events: { at: number; what: string }[] = [];
  readonly memory = new Memory(rate);
  autoAnswer = true;
  #ua?: InstanceType<typeof JsSIP.UA>;
  #domain = "";
  #microphone?: MediaStream;
  #analyser?: AnalyserNode;
  #context?: AudioContext;
  #source?: MediaStreamAudioSourceNode;

  async register(url: string, domain: string, name: string, authName: string, password: string): Promise<void> {
    this.#domain = domain;
    this.#microphone ??= await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    const socket = new JsSIP.WebSocketInterface(url);
    const ua = new JsSIP.UA({ sockets: [socket], uri: `sip:${name}@${domain}`, authorization_user: authName, password, register_expires: 120, session_timers: false });
    this.#ua = ua;
    ua.on("newRTCSession", ({ originator, session }: { originator: string; session: Session }) => this.#follow(session, originator));
    await new Promise<void>((resolve, reject) => {
      ua.on("registered", () => resolve());
      ua.on("registrationFailed", ({ cause }: { cause?: string }) => reject(new Error(`registration failed: ${cause}`)));
      ua.start();
    });
  }

  async unregister(): Promise<void> {
    const ua = this.#ua;
    if (!ua) return;
    await new Promise<void>((resolve) => { ua.on("unregistered", () => resolve()); ua.unregister({ all: false }); });
  }

  /** Ends every call and disconnects, for good. */
  stop(): void {
    this.#ua?.stop();
  }

  call(to: string): void {
    this.#note("click");
    this.#ua?.call(`sip:${to}@${this.#domain}`, this.#options());
  }

  /** Joins the first call to the second, which the consultation was about (REFER with Replaces). */
  transfer(first: number, second: number): void {
    const to = this.sessions.at(second);
    if (!to) throw new Error("no consultation");
    this.sessions.at(first)?.refer(to.remote_identity.uri, { replaces: to });
  }

  /** The newest session. */
  get session(): Session {
    const session = this.sessions.at(-1);
    if (!session) throw new Error("no call");
    return session;
  }

  answer(): void {
    this.#note("answer");
    this.session.answer(this.#options());
  }

  /** Strongest frequency now, in Hz and dB. */
  hears(): { hz: number; db: number } {
    if (!this.#analyser) return { hz: 0, db: -999 };
    const bins = new Float32Array(this.#analyser.frequencyBinCount);
    this.#analyser.getFloatFrequencyData(bins);
    let best = 3;
    for (let bin = 3; bin < bins.length; bin++) if ((bins[bin] ?? -999) > (bins[best] ?? -999)) best = bin;
    return { hz: Math.round(best * rate / fftSize), db: Math.round(bins[best] ?? -999) };
  }

  /** Whether this tone is among what is heard. */
  hearsTone(hz: number): boolean {
    if (!this.#analyser) return false;
    const bins = new Float32Array(this.#analyser.frequencyBinCount);
    this.#analyser.getFloatFrequencyData(bins);
    const middle = Math.round(hz * fftSize / rate);
    return Math.max(...bins.slice(middle - 1, middle + 2)) > -50;
  }

  async codecs(): Promise<string[]> {
    const found: string[] = [];
    const stats = await this.session.connection.getStats();
    stats.forEach((report: { type: string; mimeType?: string }) => { if (report.type === "codec" && report.mimeType) found.push(report.mimeType); });
    return found;
  }

  #options() {
    return { mediaStream: this.#microphone?.clone(), pcConfig: { iceServers: [] }, mediaConstraints: { audio: true, video: false } };
  }

  #note(what: string): void {
    this.events.push({ at: Date.now(), what });
  }

  #follow(session: Session, originator: string): void {
    this.sessions.push(session);
    answerHoldsOpenly(session as never);
    const incoming = originator === "remote";
    if (incoming) this.#note(`incoming ${session.remote_identity.uri.user}`);
    const attach = (connection: RTCPeerConnection) => connection.addEventListener("track", ({ streams, track }) => this.#listen(streams[0] ?? new MediaStream([track])));
    if (session.connection) attach(session.connection);
    else session.on("peerconnection", ({ peerconnection }: { peerconnection: RTCPeerConnection }) => attach(peerconnection));
    session.on("icecandidate", ({ candidate, ready }: { candidate: RTCIceCandidate; ready: () => void }) => { if (/ udp /i.test(candidate.candidate)) ready(); });
    if (!incoming) session.on("progress", () => this.#note("progress"));
    session.on("accepted", () => this.#note("accepted"));
    session.on("hold", ({ originator }: { originator: string }) => this.#note(`hold ${originator}`));
    session.on("unhold", ({ originator }: { originator: string }) => this.#note(`unhold ${originator}`));
    session.on("newDTMF", ({ originator, dtmf }: { originator: string; dtmf: { tone: string } }) => { if (originator === "remote") this.#note(`dtmf ${dtmf.tone}`); });
    session.on("ended", ({ cause }: { cause: string }) => this.#note(`ended ${cause}`));
    session.on("failed", ({ cause, message }: { cause: string; message?: { status_code?: number; getHeader?: (name: string) => string | undefined } }) =>
      this.#note(["failed", cause, message?.status_code, message?.getHeader?.("Reason")].filter(Boolean).join(" ")));
    if (incoming && this.autoAnswer) this.answer();
  }

  #listen(stream: MediaStream): void {
    const element = document.createElement("audio");
    element.srcObject = stream;
    void element.play();
    const context = this.#context ??= new AudioContext({ sampleRate: rate });
    void this.memory.listen(context, stream);
    this.#source?.disconnect();
    this.#source = context.createMediaStreamSource(stream);
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = fftSize;
    this.#analyser.smoothingTimeConstant = 0;
    this.#source.connect(this.#analyser);
  }
}

declare global { interface Window { phone: Phone } }
window.phone = new Phone();
