// The connection to the broker: STOMP over a WebSocket (@stomp/stompjs). It signs in for each connection, since
// a person's exchange disappears with the last of the person's queues.

const { Client, ReconnectionTimeMode } = window.StompJs;
/** Browsers run the timers of a hidden page only once a minute. */
const BEAT_OUT = 60000;
const BEAT_IN = 10000;
const RECEIPT = "consuming";
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15000;

export class Line {
  /** `signIn()` returns the answer of `/im/login`; its error with `isFinal` ends the attempts.
   * `on`: up(), down(), heard({cmd, data}), refused(reason). */
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

  /** Connect, and connect again whenever the connection breaks. */
  open() {
    this.#client.activate();
  }

  /** Disconnect for good. */
  close() {
    this.#client.deactivate();
  }

  /** Disconnect; the connection comes back by itself, with a new token. */
  drop() {
    this.#client.forceDisconnect();
  }

  /** The name by which the platform distinguishes this device from others of the same person. */
  device = crypto.randomUUID().slice(0, 13);

  /** Get a token, however long it takes: if this failed, the library would not try again. */
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

  /** Try again at once, because the network is back. */
  wake() {
    this.#wake();
  }

  /** Subscribe to the person's messages, by a queue of this connection's own. */
  #listen() {
    const { exchange, queue_prefix: prefix } = this.#pass;
    // The connection is up only when the queue is bound: later entries are pushed, earlier ones are fetched.
    this.#client.watchForReceipt(RECEIPT, () => {
      this.isUp = true;
      this.#on.up();
    });
    const queue = { "x-queue-name": `${prefix}${this.device}-${Date.now().toString(36)}` };
    const options = { ...queue, durable: "false", "auto-delete": "true", exclusive: "false", receipt: RECEIPT };
    this.#client.subscribe(`/exchange/${exchange}`, (frame) => this.#on.heard(JSON.parse(frame.body)), options);
  }

  /** Note that the connection is lost; the library connects again by itself. */
  #lost() {
    this.isUp = false;
    this.#on.down();
  }

  /** Send a command; return false if there is no connection. */
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
