"""The addresses of conference management and control; others are refused in the API's form."""

from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from conferences.api import views

urlpatterns = [
    path("mc/confs", views.Conferences.as_view()),
    path("mc/confs/<str:conf_id>", views.OneConference.as_view()),
    path("vc/confs", views.LiveConferences.as_view()),
    path("vc/confs/<str:conf_id>", views.LiveConference.as_view()),
    path("vc/confs/<str:conf_id>/mts", views.Terminals.as_view()),
    path("<str:app>/version", views.version),
    re_path(r"^(?P<rest>.*)$", csrf_exempt(views.unknown_call)),
]
