"""Tables that come in: each row judged and written by the flow, as the one who brings it may.

A trial writes as the real import does, and takes it back: what it finds is what would happen.
"""

from __future__ import annotations

from base64 import b32encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from secrets import token_bytes
from typing import Any

from auditlog.context import disable_auditlog
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from import_export.fields import Field
from import_export.instance_loaders import CachedInstanceLoader
from import_export.resources import ModelResource
from import_export.results import Error
from import_export.widgets import CharWidget, Widget

from domains.data.password_hashers import RandomSecretHasher
from domains.flows import change, people
from domains.models import (
    Account,
    Domain,
    MachineRoom,
    PlatformDomain,
    ServiceDomain,
    UserDomain,
    new_moid,
)
from domains.rules.refusal_texts import translated
from domains.rules.tree import RuleBroken
from foundation.web.scoping import scope
from foundation.web.table_export import unmarked

MOST_ROWS = 10_000
_AT_ONCE = 1000
_YES = frozenset({"1", "true", "yes", "y", "是"})
_NO = frozenset({"0", "false", "no", "n", "否"})
SaveRow = Callable[[Any], Any]


def _batched(values: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(set(values))
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]


class FlagWidget(Widget):  # type: ignore[misc]
    """1 or 0, yes or no; anything else is a mistake."""

    def clean(self, value: Any, row: Any = None, **more: Any) -> bool:
        """True or False."""
        text = str(value).strip().lower()
        if text not in _YES | _NO:
            raise ValidationError(gettext("Write 1 (yes) or 0 (no)."))
        return text in _YES

    def render(self, value: Any, obj: Any = None, **more: Any) -> str:
        """1 or 0."""
        return str(int(bool(value)))


class WholeNumberWidget(Widget):  # type: ignore[misc]
    """A whole number, or nothing."""

    def clean(self, value: Any, row: Any = None, **more: Any) -> int | None:
        """The number."""
        text = str(value).strip()
        if not text:
            return None
        if not text.isdecimal() or len(text) > 10:
            raise ValidationError(gettext("Write a whole number, or nothing."))
        return int(text)

    def render(self, value: Any, obj: Any = None, **more: Any) -> str:
        """Its digits."""
        return "" if value is None else str(value)


class OptionalTextWidget(CharWidget):  # type: ignore[misc]
    """A text that is unique: an empty one is none."""

    def clean(self, value: Any, row: Any = None, **more: Any) -> str | None:
        """The text."""
        return str(value).strip() or None


class RelationWidget(Widget):  # type: ignore[misc]
    """Something that is there, by MOID or, where only one is called so, by name."""

    def __init__(self, relation: str) -> None:
        super().__init__()
        self.relation = relation
        self.by_moid: set[str] = set()
        self.by_name: dict[str, list[str]] = {}

    def learn(self, wanted: Iterable[str], offered: QuerySet[Any]) -> None:
        """Read those that a table names, of those that are offered: a statement per thousand."""
        for some in _batched(wanted):
            found = offered.filter(Q(pk__in=some) | Q(name__in=some)).values_list("pk", "name")
            for moid, name in found:
                self.by_moid.add(moid)
                self.by_name.setdefault(name, []).append(moid)

    def clean(self, value: Any, row: Any = None, **more: Any) -> str | None:
        """The MOID; "" is none."""
        text = str(value).strip()
        if not text or text in self.by_moid:
            return text or None
        named = self.by_name.get(text, [])
        if len(named) == 1:
            return named[0]
        if named:
            text = gettext("%(count)d are called “%(name)s”: write the MOID.")
            raise ValidationError(text % {"count": len(named), "name": value})
        raise ValidationError(gettext("There is none “%s” that you may choose.") % text)


class TableRows(ModelResource):  # type: ignore[misc]
    """What all kinds of table share. `page`: the admin page that asks, for the rights."""

    moid = Field("moid", "moid")

    class Meta:
        import_id_fields = ("moid",)
        instance_loader_class = CachedInstanceLoader
        use_transactions = True
        skip_diff = True
        clean_model_instances = False

    def __init__(self, page: Any, request: HttpRequest) -> None:
        super().__init__()
        self.page, self.request = page, request
        self.keep: SaveRow = self._nobody
        self._lines: dict[str, int] = {}
        self._taken: set[str] = set()
        self._repeated: set[str] = set()

    @staticmethod
    def _nobody(thing: Any) -> None:
        raise RuntimeError("only within import_data")

    @contextmanager
    def writing(self) -> Iterator[SaveRow]:
        """A transaction, and what keeps a thing in it."""
        with change.saving_domains() as keep:
            yield keep

    def get_queryset(self) -> QuerySet[Any]:
        """What the one who asks sees."""
        found: QuerySet[Any] = self.page.get_queryset(self.request)
        return found

    # ---- the table as a whole ---------------------------------------------------------------

    def import_data(self, dataset: Any, dry_run: bool = False, **more: Any) -> Any:
        """All of it or nothing; a trial leaves no trace."""
        if refusal := self._refusal(dataset):
            result = self.get_result_class()()
            result.append_base_error(Error(ValidationError(refusal)))
            return result
        quiet: AbstractContextManager[Any] = disable_auditlog() if dry_run else nullcontext()
        with quiet, self.writing() as self.keep:
            return super().import_data(
                dataset, dry_run=dry_run, **more, rollback_on_validation_errors=True
            )

    def _refusal(self, dataset: Any) -> str:
        """Why this is no table of ours; "": it is."""
        if len(dataset) > MOST_ROWS:
            return gettext("At most %d rows at once: split the file.") % MOST_ROWS
        known = {field.column_name for field in self.get_import_fields()}
        strange = [str(name) for name in dataset.headers if name not in known]
        if not strange:
            return ""
        values = {"strange": ", ".join(strange), "known": ", ".join(sorted(known))}
        text = gettext("There is no column %(strange)s. The columns are: %(known)s.")
        return text % values

    def before_import(self, dataset: Any, **more: Any) -> None:
        """Read at once what its rows speak of."""
        if "moid" not in dataset.headers:
            dataset.append_col([""] * len(dataset), header="moid")
        self._look_ahead(dataset)

    def _look_ahead(self, dataset: Any) -> None:
        moids = Counter(filter(None, map(_text, dataset["moid"])))
        self._repeated = {moid for moid, count in moids.items() if count > 1}
        for some in _batched(moids):
            there = self._base().filter(moid__in=some).values_list("moid", flat=True)
            self._taken.update(there)
        for field in self.get_import_fields():
            if isinstance(field.widget, RelationWidget) and field.column_name in dataset.headers:
                wanted = filter(None, map(_text, dataset[field.column_name]))
                field.widget.learn(wanted, self._offered(field.widget.relation))

    def _base(self) -> QuerySet[Any]:
        return Domain.objects.all()

    def _offered(self, relation: str) -> QuerySet[Any]:
        """The same as the form offers."""
        field = self._meta.model._meta.get_field(relation)
        found: QuerySet[Any] = self.page.formfield_for_dbfield(field, self.request).queryset
        return found

    # ---- one row ----------------------------------------------------------------------------

    def before_import_row(self, row: dict[str, Any], **more: Any) -> None:
        """Cells as text; a new thing gets its MOID."""
        for name, value in row.items():
            row[name] = unmarked(_text(value))
        if row["moid"] in self._repeated:
            raise ValidationError({"moid": gettext("This MOID stands in several rows.")})
        row["moid"] = row["moid"] or new_moid()

    def after_init_instance(self, instance: Any, new: bool, row: Any, **more: Any) -> None:
        """May the one who asks write this one?"""
        if new and row["moid"] in self._taken:
            raise ValidationError({"moid": gettext("This MOID is taken: leave it empty.")})
        if not new:
            instance._seen_by = self.request.user.pk  # it came from the page's own rows
        may = self.page.has_add_permission if new else self.page.has_change_permission
        if not (may(self.request) if new else may(self.request, instance)):
            raise ValidationError(gettext("You have no right to write this one."))
        fixed = scope().fixed(self.request.user, type(instance), None if new else instance)
        instance._fixed = {
            name: getattr(instance, name, None) for name in _columns(instance, fixed)
        }

    def import_instance(self, instance: Any, row: Any, **more: Any) -> None:
        """Every mistake of a row, each by its column."""
        wrong: dict[str, Any] = {}
        for field in self.get_import_fields():
            try:
                self.import_field(field, instance, row, **more)
            except ValidationError as one:
                wrong[field.column_name] = one.messages
        for name, before in instance._fixed.items():
            if getattr(instance, name) != before:
                wrong[name.removesuffix("_id")] = [gettext("You may not change this one.")]
        if wrong:
            raise ValidationError(wrong)

    def validate_instance(
        self, instance: Any, import_validation_errors: Any = None, **m: Any
    ) -> None:
        """What was found wrong is enough; the flow finds the rest."""
        if import_validation_errors:
            raise ValidationError(import_validation_errors)

    def save_instance(self, instance: Any, is_create: bool, row: Any, **more: Any) -> None:
        """By the flow; what the rules refuse stands at its column."""
        try:
            self.keep(instance)
        except RuleBroken as broken:
            texts = {one.field or NON_FIELD_ERRORS: translated(one) for one in broken.refusals}
            raise ValidationError(texts) from None


def _columns(instance: Model, names: Iterable[str]) -> Iterator[str]:
    there = {field.name: field.attname for field in instance._meta.concrete_fields}
    return (there[name] for name in names if name in there)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


# ---- the kinds of table -------------------------------------------------------------------------


class _DomainRows(TableRows):
    name = Field("name", "name")
    parent = Field("parent_id", "parent", RelationWidget("parent"))
    used = Field("used", "enabled", FlagWidget())
    enable_hd = Field("enable_hd", "enable_hd", FlagWidget())
    enable_h265 = Field("enable_h265", "enable_h265", FlagWidget())


_DOMAIN = ("moid", "name", "parent", "used", "enable_hd", "enable_h265")


class ServiceRows(_DomainRows):
    """Service domains."""

    class Meta(TableRows.Meta):
        model = ServiceDomain
        fields = _DOMAIN


class PlatformRows(_DomainRows):
    """Platform domains; rooms have a table of their own."""

    e164_prefix = Field("e164_prefix", "e164_prefix")
    dr_mode = Field("dr_mode", "dr_mode")

    class Meta(TableRows.Meta):
        model = PlatformDomain
        fields = (*_DOMAIN, "e164_prefix", "dr_mode")


class TenantRows(_DomainRows):
    """User domains, with what they are bound to, and their limits."""

    platform = Field("platform_id", "platform", RelationWidget("platform"))
    room = Field("room_id", "room", RelationWidget("room"))
    small_limit = Field("small_limit", "small_limit", WholeNumberWidget())
    large_limit = Field("large_limit", "large_limit", WholeNumberWidget())

    class Meta(TableRows.Meta):
        model = UserDomain
        fields = (*_DOMAIN, "platform", "room", "small_limit", "large_limit")


class RoomRows(TableRows):
    """Machine rooms."""

    name = Field("name", "name")
    platform = Field("platform_id", "platform", RelationWidget("platform"))
    order = Field("order", "order", WholeNumberWidget())
    is_default = Field("is_default", "is_default", FlagWidget())

    class Meta(TableRows.Meta):
        model = MachineRoom
        fields = ("moid", "name", "platform", "order", "is_default")

    @contextmanager
    def writing(self) -> Iterator[SaveRow]:
        """Rooms have a flow of their own."""

        def keep(room: MachineRoom) -> None:
            room.full_clean()
            change.save_room(room)

        with transaction.atomic():
            yield keep

    def _base(self) -> QuerySet[Any]:
        return MachineRoom.objects.all()


class AccountRows(TableRows):
    """Accounts. A new one gets a password of 120 random bits, which is told once and kept nowhere."""

    username = Field("username", "username")
    domain = Field("domain_id", "domain", RelationWidget("domain"))
    first_name = Field("first_name", "first_name")
    last_name = Field("last_name", "last_name")
    email = Field("email", "email", OptionalTextWidget())
    phone = Field("phone", "phone", OptionalTextWidget())
    e164 = Field("e164", "e164", OptionalTextWidget())
    is_active = Field("is_active", "enabled", FlagWidget())

    class Meta(TableRows.Meta):
        model = Account
        fields = (
            *("moid", "username", "domain", "first_name", "last_name"),
            *("email", "phone", "e164", "is_active"),
        )

    def __init__(self, page: Any, request: HttpRequest) -> None:
        super().__init__(page, request)
        self.initial: list[tuple[str, str]] = []

    @contextmanager
    def writing(self) -> Iterator[SaveRow]:
        """People have a flow of their own."""
        by = getattr(self.request.user, "moid", None)
        with transaction.atomic():
            yield partial(people.save_account, by=by)

    def save_instance(self, instance: Any, is_create: bool, row: Any, **more: Any) -> None:
        """A new one with its first password."""
        if is_create:
            raw = b32encode(token_bytes(15)).decode().lower()
            hasher = RandomSecretHasher()  # stretched, 10,000 would take an hour; see `hashers`
            instance.password = hasher.encode(raw, hasher.salt())
            self.initial.append((instance.username, raw))
        super().save_instance(instance, is_create, row, **more)

    def after_import(self, dataset: Any, result: Any, **more: Any) -> None:
        """For the one who asked, once all of it is written."""
        result.initial = self.initial

    def _base(self) -> QuerySet[Any]:
        return Account.objects.all()
