"""The address of the chat page."""

from django.urls import path

from im.chat import views

urlpatterns = [path("chat/", views.page, name="chat")]
