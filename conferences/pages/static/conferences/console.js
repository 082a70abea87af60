// "My conferences" shows the live conferences and sends what the person asks for. It decides nothing.

const EVERY = 2000;
const ANSWER_WITHIN = 20000;

const $ = (id) => document.getElementById(id);
const { at: base, words } = JSON.parse($("start").textContent);
const token = document.querySelector("#begin [name=csrfmiddlewaretoken]").value;
/** Return a text with values in its places, such as `%(name)s`. */
const say = (text, named) => text.replace(/%\((\w+)\)s/g, (_, key) => named[key]);
const cards = new Map();
let shown = new Map();
/** The number of the conference that is shown in full, or "". */
let open = "";
/** Ids of conferences that this page has ended itself. */
const ended = new Set();

// ---- talking to the platform ----------------------------------------------------------------

/** Return the platform's answer to a request, a form if there are `fields`. Throws an error to show. */
async function ask(path, fields) {
  const options = { headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(ANSWER_WITHIN) };
  if (fields) {
    options.method = "POST";
    options.headers["X-CSRFToken"] = token;
    options.body = new URLSearchParams(fields);
  }
  let reply;
  try {
    reply = await fetch(base + path, options);
    if (reply.ok) return await reply.json();
  } catch {
    throw new Error(words.away);
  }
  const refusal = await reply.json().catch(() => ({}));
  throw new Error(refusal.why ?? words.away);
}

let noticeTimer = 0;
/** Show a notice for so many seconds; 0 means until the next notice. */
function notice(text, seconds = 8) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
  clearTimeout(noticeTimer);
  if (seconds) noticeTimer = setTimeout(() => ($("notice").hidden = true), seconds * 1000);
}

/** Show an error in its place; "" hides it. */
function complain(place, why) {
  place.textContent = why;
  place.hidden = !why;
}

// ---- showing --------------------------------------------------------------------------------

/** Return the element inside a node that is marked with `data-<name>`. */
const part = (node, name) => node.querySelector(`[data-${name}]`);
/** Fill in a text; an element without text is hidden. */
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = !text;
}

/** Return the card of the conference with this number, a new one if there is none. */
function card(number) {
  let li = cards.get(number);
  if (!li) {
    li = $("conf").content.firstElementChild.cloneNode(true);
    li.dataset.numberIs = number;
    cards.set(number, li);
  }
  return li;
}

/** Fill the card `li` with the facts of the conference `c`. */
function draw(li, c) {
  put(part(li, "name"), c.name);
  put(part(li, "says"), c.says);
  part(li, "says").dataset.state = c.state;
  for (const field of ["number", "left", "people", "creator"]) put(part(li, field), c[field]);
  part(li, "join").href = c.join;
  part(li, "join").setAttribute("aria-label", `${part(li, "join").textContent} ${c.name}`);
  li.firstElementChild.setAttribute("aria-label", c.name);
  const opened = c.number === open;
  part(li, "manage").hidden = !opened;
  li.querySelector("[data-do=open]").setAttribute("aria-expanded", String(opened));
  li.querySelector("[data-act=extend]").hidden = c.endless;
  part(li, "locked").hidden = !c.locked;
  drawSwitch(li, "lock", c.locked, words.lock, words.unlock);
  drawSwitch(li, "lobby", c.lobby, words.lobby_on, words.lobby_off);
  drawWaiting(li, c.waiting);
  if (c.mts) drawPeople(li, c.mts);
}

/** Draw the button that turns something on or off. */
function drawSwitch(li, action, isOn, turnOn, turnOff) {
  const button = li.querySelector(`[data-do=${action}]`);
  button.textContent = isOn ? turnOff : turnOn;
  button.dataset.value = isOn ? "0" : "1";
}

/** Draw the list of people who wait in the lobby; rows that stay keep the focus. */
function drawWaiting(li, waiting) {
  const list = part(li, "waiting");
  part(li, "lobby").hidden = !waiting.length;
  const rows = new Map([...list.children].map((row) => [row.dataset.id, row]));
  for (const { visitor, name } of waiting) {
    const row = rows.get(visitor) ?? list.appendChild($("visitor").content.firstElementChild.cloneNode(true));
    rows.delete(visitor);
    row.dataset.id = visitor;
    part(row, "who").textContent = name || words.guest;
    for (const button of row.querySelectorAll("button")) button.setAttribute("aria-label", `${button.textContent} ${name || words.guest}`);
  }
  for (const row of rows.values()) row.remove();
}

/** Draw the list of a conference's members, with the buttons that fit each. */
function drawPeople(li, mts) {
  const list = part(li, "people-list");
  const rows = new Map([...list.children].map((row) => [row.dataset.id, row]));
  for (const m of mts) {
    const row = rows.get(m.id) ?? list.appendChild($("person").content.firstElementChild.cloneNode(true));
    rows.delete(m.id);
    row.dataset.id = m.id;
    row.dataset.online = m.online;
    part(row, "who").textContent = m.name;
    part(row, "off").hidden = m.online;
    part(row, "muted").hidden = !m.mute;
    const mute = row.querySelector("[data-do=mute]");
    put(mute, m.mute ? words.unmute : words.mute);
    mute.dataset.value = m.mute ? "0" : "1";
    mute.setAttribute("aria-label", `${mute.textContent} ${m.name}`);
    put(part(row, "hand"), m.hand ? `✋ ${m.hand}` : "");
    const lower = row.querySelector("[data-do=lower]");
    lower.hidden = !m.hand;
    lower.setAttribute("aria-label", `${lower.textContent} ${m.name}`);
    const drop = row.querySelector("[data-do=drop]");
    drop.hidden = !m.online;
    drop.setAttribute("aria-label", `${drop.textContent} ${m.name}`);
    const admit = row.querySelector("[data-do=admit]");
    admit.hidden = !m.out;
    admit.setAttribute("aria-label", `${admit.textContent} ${m.name}`);
  }
  for (const row of rows.values()) row.remove();
  part(li, "nobody").hidden = mts.length > 0;
  part(li, "lower").hidden = !mts.some((m) => m.hand);
}

/** Draw all conferences in their order, and remove those that are over. */
function drawAll({ total, confs }) {
  const now = new Map(confs.map((c) => [c.number, c]));
  for (const [number, was] of shown) if (now.get(number)?.id !== was.id) gone(was);
  shown = now;
  confs.forEach((c, place) => {
    const li = card(c.number);
    draw(li, c);
    // A node moves only if it must, because it loses the focus when it moves.
    if ($("confs").children[place] !== li) $("confs").insertBefore(li, $("confs").children[place] ?? null);
  });
  $("none").hidden = confs.length > 0;
  $("more").hidden = total <= confs.length;
  $("more").textContent = say(words.more, { shown: confs.length, total });
}

/** Remove the card of a conference, and say that it has ended, unless this page has ended it. */
function gone(c) {
  cards.get(c.number)?.remove();
  cards.delete(c.number);
  if (open === c.number) open = "";
  if (!ended.delete(c.id)) notice(say(c.state === "creating" ? words.failed : words.ended, c));
}

let asking = null;
let away = false;
/** Ask for the conferences now; callers meanwhile wait for the same answer. */
function refresh() {
  asking ??= ask(`live?open=${open}`)
    .then((answer) => {
      if (away) notice("");
      away = false;
      drawAll(answer);
    })
    .catch((error) => {
      away = true;
      notice(error.message, 0);
    })
    .finally(() => (asking = null));
  return asking;
}

// ---- buttons and forms ----------------------------------------------------------------------

/** Start a conference with the values of the form, or show why that is refused. */
async function begin(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("[type=submit]");
  complain($("begin-error"), "");
  button.disabled = true;
  try {
    const started = await ask("start", new FormData(form));
    form.reset();
    notice(say(started.running ? words.started : words.starting, started));
    await asking;
    await refresh();
    cards.get(started.number)?.querySelector("[data-join]").focus();
  } catch (error) {
    complain($("begin-error"), error.message);
  } finally {
    button.disabled = false;
  }
}

/** Send an action on a conference; return whether it was accepted, and show why if not. */
async function act(li, action, fields, button) {
  const errorLine = part(li, "error");
  complain(errorLine, "");
  button.disabled = true;
  try {
    await ask(`${li.dataset.numberIs}/${action}`, fields);
    notice(words.done, 3);
    await asking;
    await refresh();
    return true;
  } catch (error) {
    complain(errorLine, error.message);
    return false;
  } finally {
    button.disabled = false;
  }
}

/** Do something with the person in whose row the button stands, or with all. */
function actOn(action, li, button) {
  const id = button.closest("[data-id]")?.dataset.id;
  return act(li, action, id ? { id } : {}, button);
}

const DO = {
  /** Copy the link to the conference, or show it if the browser does not allow that. */
  async copy(c) {
    try {
      await navigator.clipboard.writeText(c.link);
      notice(words.copied);
    } catch {
      $("link-text").textContent = words.copy;
      $("link-url").value = c.link;
      $("link").showModal();
      $("link-url").select();
    }
  },
  /** Show a conference in full, or close it if it is shown already. */
  async open(c) {
    open = open === c.number ? "" : c.number;
    for (const [number, li] of cards) draw(li, shown.get(number));
    await asking;
    await refresh();
  },
  /** End a conference, once the person has confirmed it. */
  async end(c, li, button) {
    $("sure-text").textContent = say(words.end, c);
    $("sure").returnValue = "no";
    $("sure").showModal();
    await new Promise((closed) => $("sure").addEventListener("close", closed, { once: true }));
    if ($("sure").returnValue !== "yes") return;
    ended.add(c.id);
    if (await act(li, "end", {}, button)) notice(say(words.ended, c));
    else ended.delete(c.id);
  },
  /** Mute or unmute a member, or all. */
  mute(c, li, button) {
    const id = button.closest("[data-id]")?.dataset.id;
    return act(li, "mute", { value: button.dataset.value, ...(id && { id }) }, button);
  },
  lower: (c, li, button) => actOn("lower", li, button),
  letin: (c, li, button) => actOn("letin", li, button),
  refuse: (c, li, button) => actOn("refuse", li, button),
  lock: (c, li, button) => act(li, "lock", { value: button.dataset.value }, button),
  lobby: (c, li, button) => act(li, "lobby", { value: button.dataset.value }, button),
  /** Admit a member who was kept out. */
  admit(c, li, button) {
    return act(li, "admit", { id: button.closest("[data-id]").dataset.id }, button);
  },
  /** Remove a member from the conference. */
  drop(c, li, button) {
    return act(li, "drop", { id: button.closest("[data-id]").dataset.id }, button);
  },
};

$("begin").addEventListener("submit", begin);
// Before this line the form would be sent as it is, and its fields would be lost.
$("begin").querySelector("[type=submit]").disabled = false;
$("confs").addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  const li = event.target.closest("[data-number-is]");
  if (button) DO[button.dataset.do](shown.get(li.dataset.numberIs), li, button);
});
$("confs").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const fields = new FormData(form);
  if (await act(form.closest("[data-number-is]"), form.dataset.act, fields, form.querySelector("button"))) form.reset();
});

/** Ask for the conferences every EVERY milliseconds, while the page is visible. */
async function keepFresh() {
  if (!document.hidden) await refresh();
  setTimeout(keepFresh, EVERY);
}
document.addEventListener("visibilitychange", () => document.hidden || refresh());
keepFresh();
