/* The tree of domains: what is below a domain is read when it is opened, page by page. */
"use strict";
(function () {
  const tree = document.querySelector("[role=tree]");
  if (!tree) return;

  async function read(source) {
    const reply = await fetch(source, { headers: { "X-Requested-With": "fetch" } });
    if (!reply.ok || reply.redirected) throw new Error(String(reply.status));
    return reply.text();
  }

  async function open(button) {
    const node = button.closest(".op-node");
    const known = node.querySelector(":scope > ul");
    const isOpen = node.getAttribute("aria-expanded") === "true";
    if (known) known.hidden = isOpen;
    else {
      const list = document.createElement("ul");
      list.setAttribute("role", "group");
      list.innerHTML = await read(button.dataset.source);
      node.append(list);
    }
    node.setAttribute("aria-expanded", String(!isOpen));
  }

  async function more(button) {
    const html = await read(button.dataset.source);
    button.closest("li").outerHTML = html;
  }

  tree.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-source]");
    if (!button || button.disabled) return;
    button.disabled = true;
    try {
      await (button.classList.contains("op-more") ? more(button) : open(button));
    } catch (wrong) {
      window.alert(tree.dataset.failed);
    }
    button.disabled = false;
  });
})();
