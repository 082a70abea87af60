// Fills in the time zone of the browser where nobody has chosen one.
const zone = document.getElementById("zone");
if (zone && !zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;

// Copies the address of the calendar; it stays selected where the browser forbids that.
const copy = document.getElementById("copy-feed");
if (copy) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    document.getElementById("feed").select();
    await navigator.clipboard.writeText(document.getElementById("feed").value);
    copy.textContent = copy.dataset.done;
  });
}
