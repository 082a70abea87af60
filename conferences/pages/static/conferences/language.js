// The language of the page is changed in place: a call goes on.

import { $ } from "./page.js";

const YEAR = 365 * 24 * 3600;
const ATTRIBUTES = ["aria-label", "title", "placeholder"];

/**
 * Show the page in the language that is chosen in `#language`, now and later.
 * Elements whose text the server writes have `data-text`; `changed(words)` gets the texts of the script.
 */
export function followLanguage(cookie, changed) {
  $("language").addEventListener("change", async () => {
    document.cookie = `${cookie}=${$("language").value}; path=/; max-age=${YEAR}; SameSite=Lax`;
    const reply = await fetch(location.href, { cache: "no-store" }).catch(() => null);
    if (!reply?.ok) return;
    const other = new DOMParser().parseFromString(await reply.text(), "text/html");
    document.documentElement.lang = other.documentElement.lang;
    translate(document, other);
    for (const template of document.querySelectorAll("template")) {
      translate(template.content, /** @type {any} */ (other.getElementById(template.id)).content);
    }
    changed(JSON.parse(other.getElementById("start").textContent).words);
  });
}

/** Replace texts of `root` by those of the same elements of the page in another language. */
function translate(root, other) {
  for (const element of root.querySelectorAll("[data-text]")) {
    const same = other.querySelector(`[data-text="${element.dataset.text}"]`);
    if (!same) continue;
    if (!element.firstElementChild) element.textContent = same.textContent;
    for (const name of ATTRIBUTES) if (same.hasAttribute(name)) element.setAttribute(name, same.getAttribute(name));
  }
}
