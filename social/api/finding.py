"""The views of the directory, suggestions, address books, telephone numbers and invitations."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.web.errors import ack
from im.api.base import Call, StrictLimit
from im.api.serializers import Done, answers
from im.data.locked_conversation import Denied
from im.flows import contacts as contact_flow
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import wire_time
from social.api import people_forms as forms
from social.api import people_shapes as shapes
from social.data import finding, matches
from social.flows import address_book, invitations, number_exchange
from social.rules import numbers
from social.rules.limits import INVITATION_LIFE


class Directory(Call):
    """The view finds people by the beginning of a name or number."""

    throttle_classes = (StrictLimit,)

    @extend_schema(parameters=[forms.Search], responses=answers(shapes.FoundPeople))
    def get(self, request: Request) -> Response:
        """Find people of the own tenant by the beginning of a name or number (at least two characters).

        People of other tenants are found by their exact sign-in name, if both tenants allow that their people are
        found by others.
        """
        arguments = self.arguments(forms.Search)
        text, count = arguments["q"].strip(), arguments["count"]
        persons = finding.search_directory(self.store, self.me, text, count)
        if not persons:
            try:
                persons = [contact_flow.find_person(self.store, self.me, text)]
            except Denied:
                persons = []
        return ack(people=[shapes.person(person) for person in persons])


class Suggestions(Call):
    """Define the view of people whom the caller may know."""

    @extend_schema(responses=answers(shapes.Suggestions))
    def get(self, request: Request) -> Response:
        """Return people whom the caller may know by common contacts or circles (groups), with the reason."""
        suggestions = finding.suggestions(self.store, self.me, 20)
        return ack(people=[shapes.suggestion(suggested) for suggested in suggestions])


class AddressBook(Call):
    """The view of the caller's address book; only keyed hashes of its telephone numbers are stored."""

    throttle_classes = (StrictLimit,)

    @extend_schema(responses=answers(shapes.FoundPeople))
    def get(self, request: Request) -> Response:
        """List the people with confirmed telephone numbers in the caller's address book whom the caller may find.

        A person decides by the privacy choice `matching` who finds them by their number.
        """
        known = matches.known_people(self.store, self.me)
        return ack(people=[shapes.person(person) for person in known])

    @extend_schema(request=forms.Book, responses=answers(shapes.UploadedBook))
    def post(self, request: Request) -> Response:
        """Add telephone numbers to the address book (2,000 the first day, then 200 a day); return whose they are."""
        arguments = self.arguments(forms.Book)
        result = address_book.add_numbers(
            self.store, self.me, arguments["numbers"], arguments["region"], self.now
        )
        return ack(
            added=result.added,
            left_today=result.left_today,
            left_out=result.left_out,
            invalid=result.invalid,
            matches=[
                {**shapes.person(person), "number": number}
                for number, person in result.matches.items()
            ],
        )

    @extend_schema(request=None, responses=answers(Done))
    def delete(self, request: Request) -> Response:
        """Delete the whole address book."""
        address_book.delete_book(self.store, self.me)
        return ack()


class OwnNumber(Call):
    """Define the view with which the caller confirms the own telephone number."""

    throttle_classes = (StrictLimit,)

    @extend_schema(request=forms.Number, responses=answers(shapes.CodeSent))
    def post(self, request: Request) -> Response:
        """Send a code by SMS to the telephone number that the caller wants to confirm, at most 5 a day."""
        arguments = self.arguments(forms.Number)
        language = getattr(request._request, "LANGUAGE_CODE", "en")
        number_and_language = (arguments["number"], arguments["region"], language)
        return ack(
            number=address_book.send_code(self.store, self.me, *number_and_language, self.now)
        )

    @extend_schema(request=forms.NumberCode, responses=answers(Done))
    def put(self, request: Request) -> Response:
        """Confirm the caller's telephone number by the code; people who have it in their address book are notified."""
        arguments = self.arguments(forms.NumberCode)
        number_and_code = (arguments["number"], arguments["region"], arguments["code"])
        address_book.confirm_number(self.store, self.me, *number_and_code, self.now)
        return ack()


class Exchange(Call):
    """Define the view of the exchange of telephone numbers with one person."""

    throttle_classes = (StrictLimit,)

    @extend_schema(request=None, responses=answers(shapes.ExchangeState))
    def post(self, request: Request, user: str) -> Response:
        """Ask a contact, or a member of the same circle (group), to exchange telephone numbers."""
        return ack(
            state=number_exchange.ask_for_exchange(
                self.store, self.me, self.checked_user_id(user), self.now
            )
        )

    @extend_schema(request=None, responses=answers(shapes.ExchangeState))
    def put(self, request: Request, user: str) -> Response:
        """Agree to a request to exchange telephone numbers: each of the two people sees the other's number."""
        return ack(
            state=number_exchange.agree_to_exchange(
                self.store, self.me, self.checked_user_id(user), self.now
            )
        )

    @extend_schema(request=None, responses=answers(Done))
    def delete(self, request: Request, user: str) -> Response:
        """Decline or withdraw a request to exchange telephone numbers, or end the exchange for both people."""
        number_exchange.end_exchange(self.store, self.me, self.checked_user_id(user), self.now)
        return ack()


class Invitations(Call):
    """The call `invitations` makes a link by which somebody registers as a contact."""

    throttle_classes = (StrictLimit,)

    @extend_schema(request=forms.Invite, responses=answers(shapes.Invited))
    def post(self, request: Request) -> Response:
        """Create an invitation link for one use within 7 days, at most 10 a day; with `to` it is sent there.

        Raises Denied.
        """
        arguments = self.arguments(forms.Invite)
        to = arguments.get("to", "").strip()
        if to and "@" not in to and not (to := numbers.parse(to)):
            raise Denied(DenyReason.MALFORMED, "to: give a number with +, or an e-mail address")
        code, link = invitations.create_invitation(
            self.store, self.me, arguments.get("circle"), self.now
        )
        if to:
            language = getattr(request._request, "LANGUAGE_CODE", "en")
            invitations.send_invitation(self.store, self.me, to, link, language)
        return ack(code=code, link=link, expires_at=wire_time(self.now + INVITATION_LIFE))


class Acceptance(Call):
    """Define the view by which a person with an account accepts an invitation."""

    throttle_classes = (StrictLimit,)

    @extend_schema(request=forms.Code, responses=answers(shapes.Inviting))
    def post(self, request: Request) -> Response:
        """Accept an invitation with the caller's account: both become contacts."""
        code = self.arguments(forms.Code)["code"]
        inviter = invitations.accept_invitation(self.store, self.me, code, self.now)
        return ack(person=shapes.person(inviter))
