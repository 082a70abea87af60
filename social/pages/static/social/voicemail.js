// Voicemail on a page: leave one after an unanswered call, and the own mailbox with its count.

import { Api } from "../im/api.js";
import { upload } from "../im/upload.js";
import { $, put, say, setup, words } from "./call_page.js";

const SHORTEST = 3;
const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const csrf = document.querySelector("[name=csrfmiddlewaretoken]").value;
const api = new Api(setup.api, csrf);
const im = new Api(setup.im, csrf);
/** Return seconds as minutes and seconds, such as "1:05". */
const time = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds) % 60).padStart(2, "0")}`;

/** A recording that ends by itself when it is as long as it may be. */
class Recorder {
  #recorder = null;
  #pieces = [];
  #began = 0;
  #timer = 0;

  /** Whether sound is being recorded. */
  get isOn() {
    return this.#recorder !== null;
  }

  /** For how many seconds it has been recording. */
  get seconds() {
    return this.#began ? (Date.now() - this.#began) / 1000 : 0;
  }

  /** `tell(seconds)` is called often, `full()` when no more is recorded. Throws if there is no microphone. */
  async begin(tell, full) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    this.#pieces = [];
    this.#recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: 32000 });
    this.#recorder.ondataavailable = ({ data }) => this.#pieces.push(data);
    this.#recorder.start(500);
    this.#began = Date.now();
    this.#timer = setInterval(() => (this.seconds >= setup.voicemail_seconds ? full() : tell(this.seconds)), 250);
  }

  /** Stop recording and return the sound. */
  end() {
    const recorder = this.#recorder;
    clearInterval(this.#timer);
    this.#recorder = null;
    this.#began = 0;
    return new Promise((done) => {
      recorder.onstop = () => {
        for (const track of recorder.stream.getTracks()) track.stop();
        done(new Blob(this.#pieces, { type: recorder.mimeType }));
      };
      recorder.stop();
    });
  }
}

/** Upload a recording, and return its description by the platform. */
const send = (sound, name) => upload(im, sound, name, () => {}, new AbortController().signal);

// ---- leaving one ---------------------------------------------------------------------------------

const recorder = new Recorder();

/** The first press plays the greeting and records, the second one sends. */
async function leave() {
  if (recorder.isOn) return finish();
  const { call } = $("call-after").dataset;
  await greet(call);
  try {
    await recorder.begin((seconds) => put($("call-state"), say(words.recording, { time: time(seconds) })), finish);
    put($("call-message"), words.send_message);
  } catch {
    put($("call-state"), words.no_microphone);
  }
}

/** Play the greeting of the person called; go on without one. */
async function greet(call) {
  const reply = await api.raw(`calls/${call}/greeting`).catch(() => null);
  if (!reply?.ok) return;
  put($("call-state"), words.greeting_plays);
  const audio = new Audio(URL.createObjectURL(await reply.blob()));
  await audio.play().catch(() => {});
  await new Promise((done) => (audio.paused ? done() : (audio.onended = audio.onerror = done)));
}

/** End the recording, and leave it for the person who was called; one that is too short is dropped. */
async function finish() {
  const isShort = recorder.seconds < SHORTEST;
  const { call } = $("call-after").dataset;
  const sound = await recorder.end();
  put($("call-message"), words.leave_message);
  if (isShort) return put($("call-state"), words.too_short);
  $("call-message").disabled = true;
  try {
    const { id } = await send(sound, words.voicemail);
    await api.send("POST", `calls/${call}/voicemail`, { file_id: id });
    $("call-message").hidden = true;
    put($("call-state"), words.message_left);
  } catch (why) {
    put($("call-state"), why.message);
  } finally {
    $("call-message").disabled = false;
  }
}

// ---- the mailbox ---------------------------------------------------------------------------------

/** Show how many voicemails are unheard. */
async function count() {
  try {
    const { unheard } = await api.get("voicemail/unheard");
    $("mailbox-open").hidden = false;
    put($("mailbox-count"), unheard ? String(unheard) : "");
  } catch (why) {
    console.warn(why);
  }
}

/** Show the list of voicemails. */
async function showMailbox() {
  const { voicemails } = await api.get("voicemail");
  $("mailbox-none").hidden = voicemails.length > 0;
  $("mailbox-list").replaceChildren(...voicemails.map(line));
  if (!$("mailbox").open) $("mailbox").showModal();
}

/** Return the line of a voicemail: who left it and when, the sound, and a button to delete it. */
function line({ call, message, heard }) {
  const item = $("a-voicemail").content.firstElementChild.cloneNode(true);
  item.classList.toggle("heard", heard);
  item.querySelector("[data-who]").textContent = call.caller.name;
  item.querySelector("time").textContent = new Date(message.data.sent_at).toLocaleString(document.documentElement.lang);
  const audio = item.querySelector("audio");
  audio.src = `${setup.im}files/${message.data.file_id}`;
  audio.setAttribute("aria-label", say(words.voicemail_of, { name: call.caller.name }));
  audio.addEventListener("play", () => markHeard(call.call_id).then(() => item.classList.add("heard")), { once: true });
  item.querySelector("[data-delete]").addEventListener("click", async () => {
    await api.send("DELETE", `voicemail/${call.call_id}`);
    await showMailbox();
    count();
  });
  return item;
}

/** Tell the platform that the voicemail of this call was heard. */
async function markHeard(id) {
  await api.send("POST", `voicemail/${id}/heard`).catch((why) => console.warn(why));
  count();
}

// ---- the own greeting ----------------------------------------------------------------------------

const greeter = new Recorder();

/** Show the own greeting, if there is one. */
async function drawGreeting() {
  const { file_id: id } = await api.get("voicemail/greeting");
  $("greeting-sound").hidden = $("greeting-none").hidden = !id;
  if (id) $("greeting-sound").src = `${setup.im}files/${id}`;
}

/** Start recording the own greeting; the second press stores it. */
async function recordGreeting() {
  if (!greeter.isOn) {
    await greeter.begin((seconds) => put($("greeting-state"), say(words.recording, { time: time(seconds) })), keepGreeting);
    return put($("greeting-record"), words.keep_greeting);
  }
  return keepGreeting();
}

/** End the recording, and store it as the own greeting. */
async function keepGreeting() {
  const sound = await greeter.end();
  put($("greeting-record"), words.record_greeting);
  put($("greeting-state"), "");
  try {
    const { id } = await send(sound, words.greeting);
    await api.send("PUT", "voicemail/greeting", { file_id: id });
    await drawGreeting();
  } catch (why) {
    put($("greeting-state"), why.message);
  }
}

$("call-message").addEventListener("click", leave);
$("mailbox-open").addEventListener("click", () => Promise.all([showMailbox(), drawGreeting()]).catch((why) => console.warn(why)));
$("mailbox-close").addEventListener("click", () => $("mailbox").close());
$("greeting-record").addEventListener("click", () => recordGreeting().catch(() => put($("greeting-state"), words.no_microphone)));
$("greeting-none").addEventListener("click", () => api.send("DELETE", "voicemail/greeting").then(drawGreeting));
document.addEventListener("voice-played", ({ detail }) => {
  if (detail.call_id && detail.publisher_id !== setup.me.id) markHeard(detail.call_id);
});
document.addEventListener("social-notice", ({ detail: { cmd, data } }) => {
  if (data.call_id && (cmd === "msg" || cmd === "heard")) count();
});
count();
