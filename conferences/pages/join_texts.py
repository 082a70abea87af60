"""Define the texts that the script of the join page shows."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

_TEXTS: dict[str, Promise] = {
    # Before the entry.
    "both_ready": gettext_lazy("Ready: camera and microphone."),
    "camera_ready": gettext_lazy("Ready: camera. There is no microphone."),
    "microphone_ready": gettext_lazy("Ready: microphone."),
    "not_allowed": gettext_lazy("Camera and microphone are not allowed."),
    "allow_chrome": gettext_lazy(
        "Click the sign at the left end of the address bar, switch camera and microphone on there,"
        " and try again. Or join and listen."
    ),
    "allow_firefox": gettext_lazy(
        "Click the crossed-out camera or microphone beside the address, take the block away,"
        " and try again. Or join and listen."
    ),
    "allow_safari": gettext_lazy(
        "Choose Safari > Settings for this website, allow camera and microphone, and try again."
        " Or join and listen."
    ),
    "allow_ios": gettext_lazy(
        "Touch the sign beside the address, choose the settings of the website, allow camera and"
        " microphone, and try again. Or join and listen."
    ),
    "in_use": gettext_lazy(
        "Another program uses the camera or the microphone. Close it, or join and listen."
    ),
    "no_devices": gettext_lazy("No camera or microphone: you can join and listen."),
    "initials": gettext_lazy("No camera. The others will see your initials."),
    "camera": gettext_lazy("Camera"),
    "microphone": gettext_lazy("Microphone"),
    "loudspeaker": gettext_lazy("Loudspeaker"),
    "none": gettext_lazy("none"),
    "unplugged": gettext_lazy("%(device)s is gone, and there is no other."),
    "replaced": gettext_lazy("%(device)s is gone. %(instead)s is used instead."),
    "name_wanted": gettext_lazy("Please enter your name."),
    "password_wrong": gettext_lazy("This password is wrong."),
    "password_wanted": gettext_lazy("Please enter the password."),
    "password_later": gettext_lazy("Too many wrong passwords. Please wait a minute."),
    "full": gettext_lazy(
        "Nobody else can enter now: all licensed places are in use. Please try again later."
    ),
    "locked": gettext_lazy("The chair has locked this conference. Nobody new can enter."),
    "locked_why": gettext_lazy("Ask the chair to unlock it, and join again."),
    "waiting": gettext_lazy("You wait to be let in."),
    "not_let_in": gettext_lazy("You were not let in."),
    "lobby_full": gettext_lazy("Too many people wait to be let in."),
    "lobby_late": gettext_lazy("Nobody has let you in for an hour."),
    "lobby_again": gettext_lazy("Try again later."),
    "away_now": gettext_lazy("The platform does not answer. Please try again."),
    # The state of the call.
    "looking": gettext_lazy("Looking for the conference…"),
    "planned": gettext_lazy("It has not begun yet. You enter when it begins."),
    "entering": gettext_lazy("Entering…"),
    "inside": gettext_lazy("You are in the conference."),
    "listening": gettext_lazy("You are in the conference and can listen."),
    "lost": gettext_lazy("The connection was lost. Looking for the conference…"),
    "away": gettext_lazy("The platform does not answer. Still trying."),
    "back": gettext_lazy("The conference goes on. You are back."),
    "not_entered": gettext_lazy("The conference could not be entered. Trying again."),
    "click": gettext_lazy("Click anywhere to hear the others."),
    "no_picture_sent": gettext_lazy("Your picture could not be sent."),
    "recorded": gettext_lazy("This conference is being recorded."),
    "recorded_no_more": gettext_lazy("The recording has stopped."),
    "recorded_ask": gettext_lazy("This conference is being recorded"),
    "recorded_ask_why": gettext_lazy("Join again, and say whether you agree to that."),
    "record": gettext_lazy("Record"),
    "record_pause": gettext_lazy("Pause the recording"),
    "record_on": gettext_lazy("Go on recording"),
    "last_minute": gettext_lazy("The conference ends in one minute."),
    "minutes_left": gettext_lazy("The conference ends in %(minutes)s minutes."),
    # What the chair does.
    "muted_by_chair": gettext_lazy("Your microphone was muted by the chair."),
    "unmuted": gettext_lazy("Your microphone is on again."),
    "held": gettext_lazy("The chair has muted all. You are asked when you may speak."),
    "share_held": gettext_lazy("Only chairs may share a screen in this conference."),
    "hushed": gettext_lazy("The chair has switched your loudspeaker off for a while."),
    "heard_again": gettext_lazy("You hear the conference again."),
    # What a chair says and does.
    "somebody_waits": gettext_lazy("Somebody waits to be let in: see “Steer”."),
    "let_in": gettext_lazy("Let in"),
    "refuse": gettext_lazy("Refuse"),
    "lock": gettext_lazy("Lock"),
    "unlock": gettext_lazy("Unlock"),
    "lobby_on": gettext_lazy("Lobby on"),
    "lobby_off": gettext_lazy("Lobby off"),
    "ask_unmute": gettext_lazy("Ask to unmute"),
    "remove": gettext_lazy("Remove"),
    "cochair": gettext_lazy("co-chair"),
    "cochair_make": gettext_lazy("Make co-chair"),
    "cochair_no_more": gettext_lazy("Co-chair no more"),
    "chair_make": gettext_lazy("Hand over the chair"),
    "end_sure": gettext_lazy("Press again to end it for all"),
    "of": gettext_lazy("%(action)s: %(name)s"),
    # Buttons and tiles.
    "mute": gettext_lazy("Mute"),
    "unmute": gettext_lazy("Unmute"),
    "no_microphone": gettext_lazy("No microphone"),
    "camera_off": gettext_lazy("Camera off"),
    "camera_on": gettext_lazy("Camera on"),
    "no_camera": gettext_lazy("No camera"),
    "share": gettext_lazy("Share"),
    "share_stop": gettext_lazy("Stop sharing"),
    "shares": gettext_lazy("%(name)s shares the screen."),
    "not_shared": gettext_lazy("The screen could not be shared."),
    "screen_of": gettext_lazy("Screen of %(name)s"),
    "view_tiles": gettext_lazy("Tiles"),
    "view_speaker": gettext_lazy("Speaker view"),
    "page": gettext_lazy("%(page)s of %(pages)s"),
    "pin": gettext_lazy("Pin %(name)s"),
    "unpin": gettext_lazy("Unpin %(name)s"),
    "muted": gettext_lazy("muted"),
    "participant": gettext_lazy("Participant"),
    "you": gettext_lazy("%(name)s (you)"),
    "picture_of": gettext_lazy("Picture of %(name)s"),
    "one_person": gettext_lazy("1 person"),
    "people": gettext_lazy("%(count)s people"),
    "chair": gettext_lazy("chair"),
    "speaker": gettext_lazy("speaker"),
    "hand_raise": gettext_lazy("Raise hand"),
    "hand_lower": gettext_lazy("Lower hand"),
    "hand_lower_of": gettext_lazy("Lower the hand of %(name)s"),
    "hand_raised": gettext_lazy("Hand raised: %(name)s"),
    "hand_lowered": gettext_lazy("Your hand was lowered."),
    # The chat.
    "chat": gettext_lazy("Chat"),
    "chat_unread": gettext_lazy("Chat, unread messages: %(count)s"),
    "chat_guest": gettext_lazy("%(name)s (guest)"),
    "chat_gone": gettext_lazy("This message was taken back."),
    "rooms_in": gettext_lazy("You are in the room %(name)s now."),
    "rooms_main": gettext_lazy("You are in the main conference now."),
    "rooms_main_name": gettext_lazy("Main conference"),
    "rooms_over": gettext_lazy("The breakout rooms are closed. All are back."),
    "rooms_until": gettext_lazy("%(name)s, until %(until)s"),
    "rooms_go": gettext_lazy("Go to: %(name)s"),
    "rooms_names": gettext_lazy("Give 2 to 20 different names of at most 40 characters."),
    "rooms_minutes": gettext_lazy("Give 1 to 600 minutes."),
    "rooms_chosen": gettext_lazy("Somebody was sent to a room that is not there."),
    "rooms_moving": gettext_lazy("The conference is moving. Try again in a moment."),
    "rooms_busy": gettext_lazy("Somebody else is changing the rooms. Try again in a moment."),
    "rooms_room": gettext_lazy("There is no such room, or it is full."),
    "rooms_closed": gettext_lazy("The rooms are closed already."),
    "rooms_text": gettext_lazy("The message is missing or too long."),
    "chat_waits": gettext_lazy("Not sent yet. Trying again."),
    "chat_not_sent": gettext_lazy("The message could not be sent."),
    "chat_closed": gettext_lazy("The chat is closed."),
    "chat_muted": gettext_lazy("You may not write here now, or not this text."),
    "chat_too_large": gettext_lazy("The message is too long."),
    # Polls.
    "poll_new": gettext_lazy("A question to all: %(question)s"),
    "poll_none": gettext_lazy("Nothing has been asked yet."),
    "poll_voters": gettext_lazy("Votes: %(count)s"),
    "poll_anonymous": gettext_lazy("anonymous"),
    "poll_multiple": gettext_lazy("more than one answer may be chosen"),
    "poll_closed": gettext_lazy("closed"),
    "poll_close": gettext_lazy("Close this poll"),
    "not_possible": gettext_lazy("That was not possible. Please try again."),
    "poll_question": gettext_lazy("The question is missing or too long."),
    "poll_answers": gettext_lazy("Give 2 to 10 different answers of at most 100 characters."),
    "poll_absent": gettext_lazy(
        "You are still on the way into the conference. Try again in a moment."
    ),
    "poll_full": gettext_lazy("There are too many polls or votes."),
    # Shared notes and whiteboard.
    "notes_begun": gettext_lazy("Somebody writes into the shared notes: see “More”."),
    "board_begun": gettext_lazy("Somebody draws on the whiteboard: see “More”."),
    "shared_writes": gettext_lazy("%(name)s writes…"),
    "shared_only_read": gettext_lazy("You can only read this."),
    "shared_away": gettext_lazy("Not saved yet. Trying again."),
    "shared_rate": gettext_lazy("Not saved yet. Trying again."),
    "shared_elsewhere": gettext_lazy("Not saved yet. Trying again."),
    "shared_read_only": gettext_lazy(
        "The chair lets you only read this. Your last change was not saved."
    ),
    "shared_cleared": gettext_lazy("It was cleared meanwhile. Your last change was not saved."),
    "shared_full": gettext_lazy("There is no more room. Your last change was not saved."),
    "shared_update": gettext_lazy("Your last change could not be saved."),
    "clear": gettext_lazy("Clear"),
    "clear_sure": gettext_lazy("Press again to clear it for all"),
    # The connection.
    "line_fair": gettext_lazy("Weak connection"),
    "line_bad": gettext_lazy("Bad connection"),
    "round_trip": gettext_lazy("Round trip"),
    "sound_sent": gettext_lazy("Your sound"),
    "sound_received": gettext_lazy("Sound of the others"),
    "pictures_sent": gettext_lazy("Your video"),
    "pictures_received": gettext_lazy("Video of the others"),
    "rate": gettext_lazy("%(kbits)s kbit/s, %(loss)s lost"),
    # After it.
    "ended": gettext_lazy("This conference has ended"),
    "close": gettext_lazy("You can close this page."),
    "left": gettext_lazy("You have left the conference"),
    "removed": gettext_lazy("You were removed from the conference"),
    "mistake": gettext_lazy("If that was a mistake, ask the chair to let you in."),
    "password_again": gettext_lazy("The conference asks for its password again"),
    "reload": gettext_lazy("Reload the page and enter the password."),
}


def join_texts() -> dict[str, str]:
    """Return the texts of the join page's script by name, in the language of the request."""
    return {name: str(text) for name, text in _TEXTS.items()}
