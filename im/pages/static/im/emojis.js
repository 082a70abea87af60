// The menu of emojis, with which a person reacts to a message.

import { $ } from "./page.js";

const EMOJIS = ["👍", "❤️", "😂", "😮", "😢", "🎉"];

/** Open the menu above a button. `isMine(emoji)`: whether the person has reacted with it; `react(emoji)`: it was chosen. */
export function pickEmoji(button, isMine, react) {
  const buttons = EMOJIS.map((emoji) => {
    const item = document.createElement("button");
    item.type = "button";
    item.role = "menuitemcheckbox";
    item.ariaChecked = String(Boolean(isMine(emoji)));
    item.textContent = emoji;
    item.onclick = () => {
      $("emojis").hidePopover();
      react(emoji);
    };
    return item;
  });
  $("emojis").replaceChildren(...buttons);
  $("emojis").showPopover();
  const anchor = button.getBoundingClientRect();
  const box = $("emojis").getBoundingClientRect();
  $("emojis").style.left = `${Math.max(8, Math.min(anchor.left, innerWidth - box.width - 8))}px`;
  $("emojis").style.top = `${Math.max(8, anchor.top - box.height - 6)}px`;
  buttons[0].focus();
}
