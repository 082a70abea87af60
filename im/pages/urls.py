"""The address of the chat page."""

from django.urls import path

from im.pages import chat_page

urlpatterns = [path("chat/", chat_page.page, name="chat")]
