// The page of sites: every two seconds the server's newest view takes the place of the old one.
(() => {
  const page = document.getElementById("op-sites");
  const stale = document.getElementById("op-sites-stale");
  const EVERY = 2000;

  async function ask() {
    if (!document.hidden) {
      try {
        const answer = await fetch(page.dataset.source, { signal: AbortSignal.timeout(10000) });
        if (answer.redirected) return window.location.reload();
        if (!answer.ok) throw new Error(answer.statusText);
        page.innerHTML = await answer.text();
        stale.hidden = true;
      } catch {
        stale.hidden = false;
      }
    }
    setTimeout(ask, EVERY);
  }

  setTimeout(ask, EVERY);
})();
