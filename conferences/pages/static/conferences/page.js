// Small helpers that the modules of the join page share.

/** @param {string} id */
export const $ = (id) => /** @type {any} */ (document.getElementById(id));

/** Return a promise that is fulfilled after so many milliseconds. */
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Return a text with its named parts filled in, as Python's `%` does. */
export const filled = (text, named) => text.replace(/%\((\w+)\)s/g, (_, key) => named[key]);

/** Return a random id of so many bytes, in hexadecimal digits. */
export const randomId = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((b) => b.toString(16).padStart(2, "0")).join("");

let noticeTimer = 0;
/** Show a text above the page for some seconds; it is read out, too. */
export function notice(text, seconds = 12) {
  $("notice").textContent = text;
  $("notice").hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => ($("notice").hidden = true), seconds * 1000);
}

/** Play short tones (Hz) one after the other, so that whoever does not look hears that something has changed. */
export function playTones(frequencies) {
  const context = new AudioContext();
  frequencies.forEach((frequency, place) => {
    const tone = new OscillatorNode(context, { frequency });
    const volume = new GainNode(context, { gain: 0.1 });
    tone.connect(volume).connect(context.destination);
    tone.start(context.currentTime + place * 0.2);
    tone.stop(context.currentTime + (place + 1) * 0.2);
  });
  setTimeout(() => context.close(), frequencies.length * 200 + 500);
}

/** Return what this browser has kept under a name, or `otherwise`. */
export function recall(name, otherwise = "") {
  try {
    return localStorage.getItem(name) ?? otherwise;
  } catch {
    return otherwise; // Private windows have no storage.
  }
}

/** Keep a text in this browser. */
export function keep(name, text) {
  try {
    localStorage.setItem(name, text);
  } catch {
    // Private windows have no storage.
  }
}

/** Under this name the page "Join by number" keeps the password for the page of the conference, until that has read it. */
export const PASSWORD_BY_NUMBER = "password-by-number";

/** Return the password that was typed with the number, and forget it; "" if none was. */
export function takePassword() {
  try {
    const password = sessionStorage.getItem(PASSWORD_BY_NUMBER) ?? "";
    sessionStorage.removeItem(PASSWORD_BY_NUMBER);
    return password;
  } catch {
    return "";
  }
}

/** Let the browser save a file. */
export function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
