// What is told while a page is open: a line with a link says that there are new moments, likes or comments.

const news = document.getElementById("news");
const link = news.querySelector("a");

document.addEventListener("social-notice", ({ detail: { cmd, data } }) => {
  const isNew = cmd === "moment" && data.what === "posted" && data.author_id !== news.dataset.me;
  if (!isNew && cmd !== "reaction") return;
  link.textContent = `${data.author_name ?? data.name}: ${news.dataset[cmd]}`;
  link.href = cmd === "reaction" ? `/people/moments/${data.moment_id}/` : "/people/moments/";
  news.hidden = false;
});
