// The dialogs for a new conversation and for the members of a group.

import { $, arrange, made, notice, part, put, say, words } from "./page.js";

for (const button of document.querySelectorAll("dialog [data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

/** Return the ids of people by their sign-in names. Throws if there is no such person. */
async function idsOf(api, names) {
  const found = [];
  for (const name of names) {
    try {
      found.push((await api.get(`people?name=${encodeURIComponent(name)}`)).person.user_id);
    } catch (why) {
      throw new Error(why.status === 404 ? say(words.nobody, { name }) : why.message);
    }
  }
  return found;
}

/** Return the sign-in names in a text, which people separate by commas or semicolons. */
const namesIn = (text) => text.split(/[,;，；]/).map((one) => one.trim()).filter(Boolean);

/** Ask for the people, and call `then(conversation id)` with the new conversation. */
export function begin(api, then) {
  const form = $("begin").querySelector("form");
  form.reset();
  put($("begin-error"), "");
  $("begin-group").hidden = true;
  $("begin-names").oninput = () => ($("begin-group").hidden = namesIn($("begin-names").value).length < 2);
  form.onsubmit = async (event) => {
    event.preventDefault();
    put($("begin-error"), "");
    try {
      const users = await idsOf(api, namesIn($("begin-names").value));
      const name = $("begin-name").value.trim() || $("begin-names").value.trim();
      const wanted = users.length > 1 ? { kind: "group", name, users } : { kind: "direct", user: users[0] };
      const { conversation } = await api.send("POST", "conversations", wanted);
      $("begin").close();
      await then(conversation.conversation_id);
    } catch (why) {
      put($("begin-error"), why.message);
    }
  };
  $("begin").showModal();
}

/** Show the members; administrators may add and remove people. `changed()` is called after a change. */
export function showPeople(api, me, talk, changed) {
  const leads = talk.info.kind === "group" && talk.info.role !== "member";
  const at = `conversations/${talk.id}/members`;
  const act = async (...wished) => {
    try {
      await api.send(...wished);
      await changed();
      draw();
      return "";
    } catch (why) {
      return why.message;
    }
  };
  const draw = () => arrange($("people-list"), [...talk.people.values()].map((one) => person(one)));
  const person = (one) => {
    const li = made("a-person");
    part(li, "who").textContent = one.user_id === me.id ? `${one.name} (${words.you})` : one.name;
    put(part(li, "role"), { owner: words.owner, admin: words.admin }[one.role] ?? words[one.state] ?? "");
    const remove = part(li, "remove");
    put(remove, leads && one.user_id !== me.id && one.role !== "owner" ? words.remove : "");
    remove.setAttribute("aria-label", `${words.remove} ${one.name}`);
    remove.onclick = async () => notice(await act("DELETE", `${at}/${one.user_id}`));
    return li;
  };
  $("add").hidden = !leads;
  $("add").onsubmit = async (event) => {
    event.preventDefault();
    put($("add-error"), "");
    try {
      const users = await idsOf(api, namesIn($("add-name").value));
      put($("add-error"), await act("POST", at, { users }));
      $("add-name").value = "";
    } catch (why) {
      put($("add-error"), why.message);
    }
  };
  $("leave").hidden = talk.info.kind !== "group" || talk.info.role === "owner";
  $("leave").onclick = async () => {
    const why = await act("DELETE", `${at}/${me.id}`);
    if (why) notice(why);
    else $("people").close();
  };
  draw();
  $("people").showModal();
}
