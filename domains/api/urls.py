"""Define the addresses of the HTTP API for client applications' tokens and logins."""

from django.urls import path

from domains.api import views

urlpatterns = [
    path("token", views.Token.as_view()),
    path("token/<str:token>/heartbeat", views.TokenHeartbeat.as_view()),
    path("login", views.Login.as_view()),
    path("heartbeat", views.Heartbeat.as_view()),
]
