// The title of the page: whoever calls stands before all else, since a hidden page shows nothing but its title.

const own = document.title;
let caller = "";
let unread = 0;

/** `text`: what says who calls; "" when nobody does. */
export function showCaller(text) {
  caller = text;
  draw();
}

/** Show the number of unread messages in the title; 0 shows none. */
export function showUnread(count) {
  unread = count;
  draw();
}

/** Set the title of the page. */
function draw() {
  document.title = caller || (unread ? `(${unread}) ${own}` : own);
}
