// The line to the broker: STOMP over a WebSocket (@stomp/stompjs). It signs in anew for each connection, since
// a person's exchange goes with the last of his queues.

const { Client, ReconnectionTimeMode } = window.StompJs;
/** A hidden page's clock strikes once a minute. */
const BEAT_OUT = 60000;
const BEAT_IN = 10000;
const RECEIPT = "consuming";
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15000;

export class Line {
  /** `signIn()`: what `/im/login` says; an error that `isFinal` ends it. `on`: up(), down(), heard({cmd, data}), refused(why). */
  constructor(signIn, on) {
    this.#signIn = signIn;
    this.#on = on;
    this.#client = new Client({
      reconnectDelay: FIRST_PAUSE,
      maxReconnectDelay: LONGEST_PAUSE,
      reconnectTimeMode: ReconnectionTimeMode.EXPONENTIAL,
      connectionTimeout: 8000,
      heartbeatIncoming: BEAT_IN,
      heartbeatOutgoing: BEAT_OUT,
      discardWebsocketOnCommFailure: true,
      beforeConnect: () => this.#prepare(),
      onConnect: () => this.#listen(),
      onStompError: (frame) => this.#on.refused(frame.headers.message),
      onWebSocketClose: () => this.#lost(),
    });
  }
  #signIn;
  #on;
  #client;
  #pass = null;
  isUp = false;

  open() {
    this.#client.activate();
  }

  close() {
    this.#client.deactivate();
  }

  /** Drop the line; it comes back by itself, with a new token. */
  drop() {
    this.#client.forceDisconnect();
  }

  /** The device, by which the platform tells it from others of the same person. */
  device = crypto.randomUUID().slice(0, 13);

  /** A token, however long it takes: where this failed, the library would try no more. */
  async #prepare() {
    for (let wait = FIRST_PAUSE; ; wait = Math.min(2 * wait, LONGEST_PAUSE)) {
      try {
        this.#pass = await this.#signIn();
        break;
      } catch (why) {
        this.#on.refused(why.message);
        if (why.isFinal) return this.close();
        await new Promise((done) => {
          this.#wake = done;
          setTimeout(done, wait);
        });
      }
    }
    const { user_id: login, token: passcode, addresses } = this.#pass;
    this.#client.brokerURL = addresses.web_stomp;
    this.#client.connectHeaders = { login, passcode, host: "im" };
  }
  #wake = () => {};

  /** The network is back: do not wait. */
  wake() {
    this.#wake();
  }

  #listen() {
    const { exchange, queue_prefix: prefix } = this.#pass;
    // It is not "up" before the queue is bound: whatever comes afterwards is pushed, all else is fetched.
    this.#client.watchForReceipt(RECEIPT, () => {
      this.isUp = true;
      this.#on.up();
    });
    const queue = { "x-queue-name": `${prefix}${this.device}-${Date.now().toString(36)}` };
    const options = { ...queue, durable: "false", "auto-delete": "true", exclusive: "false", receipt: RECEIPT };
    this.#client.subscribe(`/exchange/${exchange}`, (frame) => this.#on.heard(JSON.parse(frame.body)), options);
  }

  #lost() {
    this.isUp = false;
    this.#on.down();
  }

  /** Say something; false where there is no line. */
  say(cmd, data) {
    if (!this.isUp) return false;
    const { user_id: me, token } = this.#pass;
    this.#client.publish({
      destination: `/exchange/conversation.outgoing/c_${data.conversation_id ?? 0}`,
      headers: { "user-id": me, "content-type": "application/json" },
      body: JSON.stringify({ token: `Tricolor${token}`, cmd, data }),
    });
    return true;
  }
}
