// The dashboard: shows what the page brought along, then asks every two seconds.
(() => {
  const page = document.getElementById("op-dashboard");
  const find = (name) => page.querySelector(`[data-${name}]`);
  const EVERY = 2000;
  const parts = JSON.parse(document.getElementById("op-parts").textContent);

  function element(tag, name, text) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function bar([used, limit]) {
    const share = limit ? Math.min(1, used / limit) : Number(used > 0);
    const colour = share >= 0.9 ? "red" : share >= 0.75 ? "amber" : "green";
    const outer = element("span", "op-bar");
    const inner = element("i", `op-${colour}`);
    inner.style.width = `${Math.round(share * 100)}%`;
    outer.append(inner);
    const both = element("span", "op-measure");
    both.append(outer, element("span", "op-figure", limit || used ? `${used} / ${limit}` : page.dataset.noseats));
    return both;
  }

  function unit(one) {
    const line = element("div", "op-unit");
    const name = element("span", "", one.name);
    if (one.simulated) name.append(" ", element("span", "op-badge op-violet", page.dataset.simulated));
    if (one.draining) name.append(" ", element("span", "op-badge op-amber", page.dataset.draining));
    if (one.silent > 6) name.append(" ", element("span", "op-badge op-red", `${one.silent} s`));
    line.append(name, bar(one.confs));
    return line;
  }

  function server([name, said]) {
    const line = element("div", "op-unit");
    const good = said === "ok";
    line.append(element("span", "", parts[name] ?? name), element("span", `op-badge op-${good ? "green" : "red"}`, good ? page.dataset.ok : said));
    return line;
  }

  function restore(one) {
    const line = element("div", "op-event");
    const link = element("a", "", one.number);
    link.href = `${page.dataset.search}${one.confid}/change/`;
    const took = one.seconds < 1 ? "< 1 s" : `${one.seconds} s`;
    line.append(element("time", "", one.at.slice(11, 19)), link,
      element("span", "", `${one.from} → ${one.to}${one.site && ` (${one.site})`}`), element("span", "op-badge op-blue", took));
    return line;
  }

  function list(name, lines, otherwise) {
    find(name).replaceChildren(...(lines.length ? lines : [element("p", "op-none", otherwise)]));
  }

  function words(name, value) {
    const place = find(name);
    place.textContent = value === "" ? "" : `${place.dataset.words} ${value}`;
  }

  function show(live) {
    if (find("creates")) conferences(live);
    if (live.health) site(live);
    if (live.seats) seats(live);
  }

  // The core, where no conference is held, has none of these.
  function conferences(live) {
    for (const [state, count] of Object.entries(live.states)) {
      page.querySelector(`[data-state="${state}"]`).textContent = count;
    }
    find("creates").textContent = live.creates.taken;
    words("failed", live.creates.failed);
  }

  // What only those see who administer the platform of this site.
  function site(live) {
    find("outbox").textContent = live.outbox.waiting;
    words("oldest", `${live.outbox.oldest} s`);
    find("parked").textContent = live.parked;
    list("health", Object.entries(live.health).map(server), "");
    if (!live.units) return;
    list("units", live.units.filter((one) => one.kind === "mcu").map(unit), page.dataset.nounits);
    list("restores", live.restores.map(restore), page.dataset.none);
  }

  function seats(live) {
    find("small").replaceChildren(bar(live.seats.small));
    find("large").replaceChildren(bar(live.seats.large));
    find("evaluation").hidden = !live.seats.evaluation;
    words("until", live.seats.until);
  }

  function stale(yes) {
    const line = page.querySelector(".op-stale");
    line.hidden = !yes;
    line.textContent = yes ? page.dataset.lost : "";
  }

  async function ask() {
    if (!document.hidden) {
      try {
        const answer = await fetch(page.dataset.source, { signal: AbortSignal.timeout(10000) });
        if (answer.redirected) return window.location.reload();
        show(await answer.json());
        stale(false);
      } catch {
        stale(true);
      }
    }
    setTimeout(ask, EVERY);
  }

  show(JSON.parse(document.getElementById("op-live").textContent));
  setTimeout(ask, EVERY);
})();
