// The head of the open conversation: name, presence or members, notice, who writes, and an invitation to join it.

import { writing } from "./list.js";
import { $, notice, put, say, words } from "./page.js";

/** Show the head of a conversation; `presence`: that of the other person, undefined in a group. */
export function showHead(talk, presence) {
  const { info } = talk;
  $("talk-name").textContent = info.name;
  const texts = { online: words.online, away: words.away_, busy: words.busy, offline: words.offline };
  put($("talk-is"), talk.isDirect ? (texts[presence] ?? "") : say(words.members, { n: info.members }));
  $("people-button").hidden = talk.isDirect || info.state !== "active";
  put($("notice-board"), info.notice);
  put($("typing"), writing(talk));
  const isInvited = info.state === "invited";
  $("invitation").hidden = !isInvited;
  if (isInvited) {
    $("invitation").children[0].textContent = words.invitation;
    $("invitation").children[1].textContent = words.accept;
    $("invitation").children[2].textContent = words.decline;
  }
  $("say").hidden = info.state !== "active" || info.closed;
}

/** Accept or decline (`answer`) the invitation to a conversation; return false for another press, which is none. */
export async function answerInvitation(api, conversation, me, answer) {
  const path = `conversations/${conversation}`;
  const calls = { accept: ["POST", `${path}/join`], decline: ["DELETE", `${path}/members/${me}`] };
  const call = calls[answer];
  if (!call) return false;
  await api.send(...call).catch((why) => notice(why.message));
  return true;
}
