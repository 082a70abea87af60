"""Addresses of people, circles and posts (moments) under `/api/v1/social/`."""

from __future__ import annotations

from django.urls import path

from social.api import finding, moments, people

_CIRCLE, _MOMENT = "circles/<int:number>", "moments/<int:number>"

urlpatterns = [
    path("labels", people.Labels.as_view()),
    path("labels/<int:number>", people.OneLabel.as_view()),
    path("contacts", people.Contacts.as_view()),
    path("contacts/<str:user>/labels", people.ContactLabels.as_view()),
    path("card", people.OwnCard.as_view()),
    path("people/<str:user>/card", people.Card.as_view()),
    path("people/<str:user>/card.vcf", people.CardFile.as_view()),
    path("people/<str:user>/number", finding.Exchange.as_view()),
    path("people/<str:user>/moments", moments.OfPerson.as_view()),
    path("privacy", people.Privacy.as_view()),
    path("directory", finding.Directory.as_view()),
    path("suggestions", finding.Suggestions.as_view()),
    path("address_book", finding.AddressBook.as_view()),
    path("number", finding.OwnNumber.as_view()),
    path("invitations", finding.Invitations.as_view()),
    path("invitations/accept", finding.Acceptance.as_view()),
    path("circles", moments.Circles.as_view()),
    path(_CIRCLE, moments.OneCircle.as_view()),
    path(f"{_CIRCLE}/wall", moments.Wall.as_view()),
    path("moments", moments.Moments.as_view()),
    path("moments/preview", moments.Preview.as_view()),
    path(_MOMENT, moments.OneMoment.as_view()),
    path(f"{_MOMENT}/readers", moments.Readers.as_view()),
    path(f"{_MOMENT}/like", moments.Like.as_view()),
    path(f"{_MOMENT}/comments", moments.Comments.as_view()),
    path(f"{_MOMENT}/comments/<int:comment_id>", moments.OneComment.as_view()),
    path("notices", moments.Notices.as_view()),
    path("album", moments.Album.as_view()),
]
