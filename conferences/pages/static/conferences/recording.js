// The player of a recording: speed, chapters, keys, and how far the film is while it is being made.
const ASK_MS = 3000;
const film = document.getElementById("film");
const speed = document.getElementById("speed");
const chapters = [...document.querySelectorAll("#chapters button")];

/** Begin to play a film at a second of it. */
function playAt(second) {
  film.currentTime = Math.max(0, second);
  film.play().catch(() => {}); // The browser wants a click on the film first.
}

/** Return the place of the chapter that is shown, in the list of chapters. */
function currentChapter() {
  // A browser may stop a moment before the second that it was sent to.
  return chapters.findLastIndex((button) => Number(button.dataset.at) <= film.currentTime + 0.2);
}

/** Go to the chapter that is so many chapters after the current one. */
function goToChapter(step) {
  const button = chapters[currentChapter() + step];
  if (button) playAt(Number(button.dataset.at));
}

/** Choose the next higher or lower speed. */
function changeSpeed(step) {
  const next = speed.selectedIndex + step;
  if (next < 0 || next >= speed.options.length) return;
  speed.selectedIndex = next;
  film.playbackRate = Number(speed.value);
}

const KEYS = {
  k: () => (film.paused ? film.play().catch(() => {}) : film.pause()),
  j: () => (film.currentTime -= 10),
  l: () => (film.currentTime += 10),
  n: () => goToChapter(1),
  p: () => goToChapter(-1),
  "<": () => changeSpeed(-1),
  ">": () => changeSpeed(1),
};

if (film) {
  speed.addEventListener("change", () => (film.playbackRate = Number(speed.value)));
  // A film that is loaded anew begins with the usual speed.
  film.addEventListener("loadeddata", () => (film.playbackRate = Number(speed.value)));
  for (const button of chapters) button.addEventListener("click", () => playAt(Number(button.dataset.at)));
  film.addEventListener("timeupdate", () => {
    const current = currentChapter();
    chapters.forEach((button, place) => {
      if (place === current) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    });
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    KEYS[event.key.toLowerCase()]?.();
  });
}

/** Ask how far the film is, until it is ready; then show the page anew. */
async function followProgress(place) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    if (document.hidden) continue;
    const reply = await fetch(place.dataset.at).catch(() => null);
    if (!reply) continue;
    if (!reply.ok) return;
    const { state, progress } = await reply.json();
    const bar = place.querySelector("progress");
    if (state !== place.dataset.state) return location.reload();
    if (bar) {
      bar.value = progress;
      place.querySelector("output").textContent = `${progress} %`;
    }
  }
}

const progress = document.getElementById("progress");
if (progress) followProgress(progress);
