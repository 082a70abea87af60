"""The base class of all API calls about conferences (`/api/v1/mc`, `/api/v1/vc`), and functions that find terminals."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import commands
from conferences.data.platform_resolver import platform_of_domain
from conferences.rules.states import Conference
from domains.api.call import MAX_ROWS, SessionCall
from foundation.bus.typed_json import read_as
from foundation.web.arguments import items, malformed, words
from foundation.web.errors import Refusal, ack
from wire.arrangement import Arrangement, arrangement_of
from wire.conference_control import Arrange, ControlOrder
from wire.fields import InvitedTerminal, Terminal

NO_TERMINAL = 12104


class Call(SessionCall):
    """Define the base of calls about conferences."""

    def refusal_if_served_elsewhere(self, request: Request) -> Refusal | None:
        """Return a refusal if another site handles requests of the caller's platform now; `None` if this site does."""
        return commands.refusal_if_served_elsewhere(platform_of_domain(self.domain(request)))

    _conference: Conference | None = None

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Refuse a call about another domain's conference, before its arguments are read (REST framework's hook)."""
        super().initial(request, *args, **kwargs)
        conf_id, method = kwargs.get("conf_id"), str(request.method).lower()
        is_call = method in self.http_method_names and hasattr(self, method)
        if isinstance(conf_id, str) and is_call:
            self._conference = commands.own_conference(conf_id, self.domain(request))

    def own_conference(self, request: Request, conf_id: str) -> Conference:
        """Return the live conference with this number, if it belongs to the caller's user domain.

        Raises Refusal, which is the same for a conference of another domain and for an unused number.
        """
        return self._conference or commands.own_conference(conf_id, self.domain(request))

    def send_order(
        self, request: Request, conf_id: str, kind: type[ControlOrder], **fields: object
    ) -> Response:
        """Send an order about the caller's conference to its media unit, wait for the answer, and return success.

        Raises Refusal if the conference is not the caller's, or the unit refuses or does not
        answer. `conf_id`: the conference's number. `kind`: the class of the order, `fields`: its
        fields besides number and domain.
        """
        conference = self.own_conference(request, conf_id)
        commands.ask_unit(kind(e164=conference.e164, user_domain=conference.user_domain, **fields))
        return ack()

    def arrange(self, request: Request, conf_id: str, **changes: object) -> Response:
        """Let the media unit change who is heard and shown in the caller's conference (its arrangement).

        Raises Refusal. `conf_id`: its number. `changes`: name of a part of the arrangement -> its new value; `None`
        sets it back.
        """
        return self.send_order(request, conf_id, Arrange, changes=changes)

    def arrangement(self, request: Request, conf_id: str) -> Arrangement:
        """Return who is heard and shown in the caller's conference (its arrangement). Raises Refusal."""
        return arrangement_of(self.own_conference(request, conf_id).settings)

    def ids(self, request: Request, name: str = "mts", limit: int = MAX_ROWS) -> tuple[str, ...]:
        """Return the ids of terminals in an argument (`name`), a list of `{mt_id}`; an id is not repeated.

        Raises Refusal.
        """
        rows = items(self.params(request).get(name), name, limit)
        ids = [words(row.get("mt_id"), f"{name}.mt_id") for row in rows]
        if not all(ids):
            raise malformed(f"{name}: a list of {{mt_id}} is needed")
        return tuple(dict.fromkeys(ids))

    def own_terminal(self, request: Request, conf_id: str, mt_id: str) -> Terminal:
        """Return the terminal with this id in the caller's conference. Raises Refusal if there is none."""
        return terminal_of(self.own_conference(request, conf_id), mt_id)


def terminal_of(conference: Conference, mt_id: str) -> Terminal:
    """Return the terminal with this id of a conference. Raises Refusal if it has none."""
    for terminal in conference.mts:
        if terminal.mtid == mt_id:
            return terminal
    raise Refusal(NO_TERMINAL, f"terminal does not exist: {mt_id[:64]}")


def as_invited(terminal: Terminal) -> InvitedTerminal:
    """Return a terminal of a conference as an invited terminal, so that it can be called again."""
    invited = {
        "mtid": terminal.mtid,
        "account": terminal.account or terminal.mtid,
        "type": terminal.type or "e164",
        "name": terminal.name,
    }
    return read_as(InvitedTerminal, invited | terminal.extra)


def refuse_unknown(conference: Conference, ids: tuple[str, ...]) -> None:
    """Raise Refusal unless the conference has a terminal for each of these ids."""
    if unknown := set(ids) - {str(terminal.mtid) for terminal in conference.mts}:
        ids_in_words = ", ".join(sorted(unknown))[:200]
        raise Refusal(NO_TERMINAL, f"terminal does not exist: {ids_in_words}")
