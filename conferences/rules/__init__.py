"""Rules decide what follows from a message, a timer or a page. They are pure functions of the facts passed to them."""
