"""The addresses of the pages of calls, people, circles and posts (moments), below `people/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from social.pages import (
    circles_page,
    contacts_page,
    invited_page,
    moments_page,
    password_page,
    person_page,
    profile_page,
)

urlpatterns: list[URLPattern] = [
    path("", contacts_page.contacts, name="social-contacts"),
    path("labels/add", contacts_page.add_label, name="social-label-add"),
    path("labels/<int:number>", contacts_page.change_label, name="social-label"),
    path("invite", contacts_page.invite, name="social-invite"),
    path("invited/<str:code>/", invited_page.invited, name="social-invited"),
    path("forgotten/", password_page.forgotten, name="social-forgotten"),
    path("password/<str:text>/", password_page.choose_password, name="social-new-password"),
    path("me/", profile_page.profile, name="social-profile"),
    path("me/card", profile_page.save_card, name="social-card"),
    path("me/privacy", profile_page.save_privacy, name="social-privacy"),
    path("me/name", profile_page.save_name, name="social-name"),
    path("me/password", profile_page.change_password, name="social-password"),
    path("me/number", profile_page.save_number, name="social-number"),
    path("moments/", moments_page.timeline_page, name="social-moments"),
    path("moments/post", moments_page.post, name="social-post"),
    path("moments/preview", moments_page.preview, name="social-preview"),
    path("moments/seen", moments_page.notices_seen, name="social-seen"),
    path("moments/<int:number>/", moments_page.moment, name="social-moment"),
    path("moments/<int:number>/react", moments_page.save_reaction, name="social-react"),
    path("album/", moments_page.album, name="social-album"),
    path("circles/", circles_page.list_circles, name="social-circles"),
    path("circles/create", circles_page.create, name="social-circle-create"),
    path("circles/<int:number>/", circles_page.circle, name="social-circle"),
    path("circles/<int:number>/change", circles_page.change, name="social-circle-change"),
    path("circles/<int:number>/act", circles_page.change_membership, name="social-circle-act"),
    path("<str:user>/", person_page.person, name="social-person"),
    path("<str:user>/contact", contacts_page.change_relation, name="social-contact"),
    path("<str:user>/describe", contacts_page.save_details, name="social-describe"),
    path("<str:user>/number", person_page.exchange_numbers, name="social-exchange"),
    path("<str:user>/write", person_page.open_chat, name="social-write"),
]
