// Times of the page in the time zone of the browser, and links that ask for that zone.
const language = document.documentElement.lang;
const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const hours = new Intl.DateTimeFormat(language, { timeStyle: "short" });

for (const time of document.querySelectorAll("time")) {
  const moment = new Date(time.dateTime);
  const after = time.dataset.after;
  const isSameDay = after && new Date(after).toDateString() === moment.toDateString();
  time.textContent = (isSameDay ? hours : full).format(moment);
}
for (const link of document.querySelectorAll("a[data-zone]")) {
  const { timeZone } = full.resolvedOptions();
  if (link instanceof HTMLAnchorElement) link.href += `?zone=${encodeURIComponent(timeZone)}`;
}
