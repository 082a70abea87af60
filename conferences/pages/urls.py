"""Define the URLs of the pages for people: sign-in, their conferences, and the join page."""

from django.contrib.auth.views import LogoutView
from django.urls import path, re_path

from conferences.pages import (
    calendar_feed,
    chat_in_call,
    join_page,
    month_page,
    my_bookings,
    my_conferences,
    my_rooms,
    number_page,
    past_page,
    polls_in_call,
    recording_files,
    recordings_page,
    share_page,
    shared_in_call,
    steer_page,
    week_page,
)

urlpatterns = [
    path("", my_conferences.redirect_home, name="home"),
    path("accounts/login/", my_conferences.SignIn.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(next_page="home"), name="logout"),
    path("console/", my_conferences.show_console, name="console"),
    path("console/live", my_conferences.live_conferences, name="console-live"),
    path("console/start", my_conferences.start_conference, name="console-start"),
    re_path(
        "^console/(?P<e164>[0-9]{1,16})/(?P<action>end|extend|rename|mute|lower|lock|lobby|letin|refuse|drop|admit)$",
        my_conferences.act_on_conference,
        name="console-act",
    ),
    path("console/bookings/", my_bookings.show_bookings, name="bookings"),
    path("console/bookings/week", week_page.show_week, name="bookings-week"),
    path("console/bookings/month", month_page.show_month, name="bookings-month"),
    path("console/bookings/book", my_bookings.book_conference, name="bookings-book"),
    path(
        "console/bookings/<str:bookid>/change",
        my_bookings.change_reservation,
        name="bookings-change",
    ),
    path(
        "console/bookings/<str:bookid>/cancel",
        my_bookings.cancel_reservation,
        name="bookings-cancel",
    ),
    path(
        "console/bookings/<str:bookid>/begin",
        my_bookings.begin_booked_conference,
        name="bookings-begin",
    ),
    path("console/bookings/calendar", calendar_feed.change_feed, name="bookings-calendar"),
    path(
        "console/bookings/<str:bookid>/guests",
        my_bookings.change_guests,
        name="bookings-guests",
    ),
    path("calendar/meetings.ics", calendar_feed.show_feed, name="calendar-feed"),
    path("console/rooms/", my_rooms.show_rooms, name="rooms"),
    re_path(
        "^console/rooms/add/(?P<kind>room|template)$",
        my_rooms.add_room_or_template,
        name="rooms-add",
    ),
    re_path(
        "^console/rooms/(?P<kind>room|template)/(?P<stored_id>[^/]{1,40})/begin$",
        my_rooms.begin_conference,
        name="rooms-begin",
    ),
    re_path(
        "^console/rooms/(?P<kind>room|template)/(?P<stored_id>[^/]{1,40})/delete$",
        my_rooms.delete_room_or_template,
        name="rooms-delete",
    ),
    path("console/past/", past_page.list_past_conferences, name="past"),
    path("console/past/<str:confid>/", past_page.show_past_conference, name="past-conference"),
    path("console/past/<str:confid>/notes.txt", past_page.export_notes, name="past-notes"),
    path(
        "console/past/<str:confid>/attendance.csv",
        past_page.export_attendance,
        name="past-attendance",
    ),
    path("console/recordings/", recordings_page.list_recordings, name="recordings"),
    path("console/recordings/<str:recording>/", recordings_page.show_recording, name="recording"),
    path(
        "console/recordings/<str:recording>/progress",
        recordings_page.tell_progress,
        name="recording-progress",
    ),
    re_path(
        f"^console/recordings/(?P<recording>[0-9a-f]{{32}})/{recording_files.PATTERN}$",
        recordings_page.send_file,
        name="recording-file",
    ),
    re_path(
        "^console/recordings/(?P<recording>[0-9a-f]{32})/share/(?P<action>invite|uninvite|link|unlink)$",
        share_page.change_shares,
        name="recording-share",
    ),
    path("watch/", share_page.open_link, name="watch"),
    re_path("^watch/(?P<link>[0-9a-f]{64})/$", share_page.watch_recording, name="watch-recording"),
    re_path(
        f"^watch/(?P<link>[0-9a-f]{{64}})/{recording_files.PATTERN}$",
        share_page.send_shared_file,
        name="watch-file",
    ),
    re_path(
        "^console/recordings/(?P<recording>[0-9a-f]{32})/(?P<action>rename|delete|restore)$",
        recordings_page.change_recording,
        name="recording-change",
    ),
    path("join/", number_page.show_number_page, name="join-number"),
    path("join/<str:e164>/", join_page.show_join_page, name="join"),
    path("join/<str:e164>/steer", steer_page.steer_conference, name="join-steer"),
    path("join/<str:e164>/where", join_page.answer_where_to_join, name="join-where"),
    path("join/<str:e164>/chat", chat_in_call.chat_in_call, name="join-chat"),
    path("join/<str:e164>/polls", polls_in_call.polls_in_call, name="join-polls"),
    path("join/<str:e164>/shared", shared_in_call.shared_in_call, name="join-shared"),
]
