// The title of the page: whoever calls stands before all else, since a hidden page shows nothing but its title.

const own = document.title;
let caller = "";
let unread = 0;

/** `text`: what says who calls; "" when nobody does. */
export function showCaller(text) {
  caller = text;
  draw();
}

export function showUnread(count) {
  unread = count;
  draw();
}

function draw() {
  document.title = caller || (unread ? `(${unread}) ${own}` : own);
}
