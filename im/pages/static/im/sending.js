// Pictures, files and voice messages are uploaded first, then a message that names them is sent.

import { $, bytes, notice, say, start, words } from "./page.js";
import { upload } from "./upload.js";
import { Voice } from "./voice.js";

export class Sending {
  /** `tell(talk, data)` sends the message, once its file is uploaded. */
  constructor(api, tell) {
    this.#api = api;
    this.#tell = tell;
  }
  #api;
  #tell;
  #voice = new Voice();
  #stop = null;
  /** Uploads run one after the other, in the order in which the files were chosen. */
  #last = Promise.resolve();

  /** Whether a voice message is being recorded. */
  get isRecording() {
    return this.#voice.isOn;
  }

  /** Upload files and send each as a message in the conversation `talk`; nothing without one. */
  files(talk, files) {
    for (const file of talk ? files : []) this.#queue(talk, file, file.name || words.image, "");
  }

  /** Upload a file after those chosen before; one that is too large is refused with a notice. */
  #queue(talk, file, name, type) {
    if (file.size > start.largest) {
      notice(say(words.too_large, { name, most: bytes(start.largest) }));
      return;
    }
    this.#last = this.#last.then(() => this.#send(talk, file, name, type));
  }

  /** Upload a file, then send the message that names it; show progress, and a notice if it fails. */
  async #send(talk, file, name, type) {
    this.#stop = new AbortController();
    const tell = (part) => this.#shows(say(words.uploading, { name, percent: Math.round(part * 100) }));
    tell(0);
    try {
      const seen = await upload(this.#api, file, name, tell, this.#stop.signal);
      const kind = type || (seen.thumbnail_url ? "image" : "file");
      this.#tell(talk, { type: kind, body: seen.name, file_id: seen.id });
    } catch (why) {
      if (!this.#stop.signal.aborted) notice(say(words.upload_failed, { name, why: why.message }));
    } finally {
      this.#stop = null;
      this.#shows("");
    }
  }

  /** Show what is being sent or recorded; "" hides the line. */
  #shows(text) {
    $("sending").hidden = !text;
    $("sending").firstElementChild.textContent = text;
  }

  /** Start to record a voice message; show a notice if there is no microphone. */
  async record() {
    try {
      await this.#voice.begin((time) => this.#shows(say(words.recording, { time })));
    } catch {
      notice(words.no_microphone);
    }
    $("voice").setAttribute("aria-pressed", String(this.isRecording));
  }

  /** End the recording, and send it in the conversation `talk`. */
  async sendVoice(talk) {
    const sound = await this.#end();
    if (talk && sound.size) this.#queue(talk, sound, words.voice, "voice");
  }

  /** End the recording, and return its sound. */
  async #end() {
    const sound = await this.#voice.end();
    $("voice").setAttribute("aria-pressed", "false");
    this.#shows("");
    return sound;
  }

  /** Stop recording and uploading. */
  giveUp() {
    if (this.isRecording) this.#end();
    this.#stop?.abort();
  }
}
