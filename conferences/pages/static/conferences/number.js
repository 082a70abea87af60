// The page "Join by number" hands the typed password on, so that the page of the conference does not ask again.

import { PASSWORD_BY_NUMBER } from "./page.js";

document.getElementById("by-number").addEventListener("submit", ({ target }) => {
  try {
    sessionStorage.setItem(PASSWORD_BY_NUMBER, target.elements.password.value);
  } catch {
    // Private windows have no storage: the page asks again.
  }
});
