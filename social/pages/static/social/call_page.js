// Small helpers of the scripts of calls, which run on pages of several kinds.

/** Return the element of the page with this id. */
export const $ = (id) => document.getElementById(id);
export const setup = JSON.parse($("call-setup").textContent);
export const { me, words } = setup;
/** Return a text with values in its places, such as `%(name)s`. */
export const say = (text, named) => text.replace(/%\((\w+)\)s/g, (_, key) => named[key]);

/** Fill in a text; an element without text is hidden. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = !text;
}

/** Return a value of the tab's storage, which `make` creates the first time. */
function kept(name, make) {
  try {
    sessionStorage.setItem(name, sessionStorage.getItem(name) ?? make());
    return sessionStorage.getItem(name);
  } catch {
    return make(); // Private windows have no storage.
  }
}

/** The name by which the platform knows this page among the person's devices; it stays when the page is loaded anew. */
export const device = kept("call-device", () => crypto.randomUUID().slice(0, 13));
