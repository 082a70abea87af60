"""The addresses of conference management and control; others are refused in the API's form."""

from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from conferences.api import (
    booking_views,
    control_urls,
    monitors,
    registry_views,
    room_views,
    template_views,
    views,
)
from conferences.api.push import described

urlpatterns = [
    path("mc/confs", views.Conferences.as_view()),
    path("mc/confs/<str:conf_id>", views.OneConference.as_view()),
    path("mc/booked_confs", booking_views.BookedConferences.as_view()),
    path("mc/booked_confs/<str:booked>", booking_views.BookedConference.as_view()),
    path("mc/personal_templates", template_views.PersonalTemplates.as_view()),
    path("mc/personal_templates/<str:stored_id>", template_views.PersonalTemplate.as_view()),
    re_path(
        r"^mc/personal_templates/(?P<stored_id>[^/]{1,40})"
        r"/(?P<part>simple|invite_members|mix|vmp|poll|vip)$",
        template_views.TemplatePart.as_view(),
    ),
    path("mc/public_templates", template_views.PublicTemplates.as_view()),
    path("mc/public_templates/<str:stored_id>", template_views.PublicTemplate.as_view()),
    path("mc/virtual_meeting_rooms", room_views.VirtualRooms.as_view()),
    path("mc/virtual_meeting_rooms/<str:stored_id>", room_views.VirtualRoom.as_view()),
    path("vc/confs", views.LiveConferences.as_view()),
    path("vc/confs/<str:conf_id>", views.LiveConference.as_view()),
    path("vc/confs/<str:conf_id>/mts", views.Terminals.as_view()),
    path("vc/confs/<str:conf_id>/monitors", monitors.Monitors.as_view()),
    path(
        "vc/confs/<str:conf_id>/monitors/<str:dst_ip>/<int:dst_port>",
        monitors.OneMonitor.as_view(),
    ),
    path("vc/confs/<str:conf_id>/monitors_heartbeat", monitors.MonitorsHeartbeat.as_view()),
    path("vc/confs/<str:conf_id>/neediframe/monitors", monitors.MonitorKeyFrame.as_view()),
    path("events", described.Events.as_view()),
    path("publish", described.Publish.as_view()),
    path("upu/numbers/<str:number>", registry_views.NumberInRegistry.as_view()),
    *control_urls.URLS,
    path("<str:app>/version", views.Version.as_view(schema=None)),
    re_path(r"^(?P<rest>.*)$", csrf_exempt(views.unknown_call)),
]
