"""The URLs of the pages for people: sign-in, their conferences, and the join page."""

from django.contrib.auth.views import LogoutView
from django.urls import path, re_path

from conferences.pages import join_page, my_bookings, my_conferences, my_rooms, week_page

urlpatterns = [
    path("", my_conferences.home, name="home"),
    path("accounts/login/", my_conferences.SignIn.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(next_page="home"), name="logout"),
    path("console/", my_conferences.page, name="console"),
    path("console/live", my_conferences.live, name="console-live"),
    path("console/start", my_conferences.start, name="console-start"),
    re_path(
        "^console/(?P<e164>[0-9]{1,16})/(?P<action>end|extend|rename|mute|drop|admit)$",
        my_conferences.act,
        name="console-act",
    ),
    path("console/bookings/", my_bookings.page, name="bookings"),
    path("console/bookings/week", week_page.page, name="bookings-week"),
    path("console/bookings/book", my_bookings.book, name="bookings-book"),
    path("console/bookings/<str:bookid>/change", my_bookings.change, name="bookings-change"),
    path("console/bookings/<str:bookid>/cancel", my_bookings.cancel, name="bookings-cancel"),
    path("console/bookings/<str:bookid>/begin", my_bookings.begin, name="bookings-begin"),
    path("console/rooms/", my_rooms.page, name="rooms"),
    re_path("^console/rooms/add/(?P<kind>room|template)$", my_rooms.add, name="rooms-add"),
    re_path(
        "^console/rooms/(?P<kind>room|template)/(?P<stored_id>[^/]{1,40})/begin$",
        my_rooms.begin,
        name="rooms-begin",
    ),
    re_path(
        "^console/rooms/(?P<kind>room|template)/(?P<stored_id>[^/]{1,40})/delete$",
        my_rooms.delete,
        name="rooms-delete",
    ),
    path("join/<str:e164>/", join_page.page, name="join"),
    path("join/<str:e164>/where", join_page.where, name="join-where"),
]
