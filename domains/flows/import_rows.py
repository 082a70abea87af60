"""The flow imports tables of domains, machine rooms and accounts, with the rights of the importing user.

Each row is checked and saved by the same flow as a form. A trial run saves in the same way and rolls back, so it
shows what an import would do.
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
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from import_export.fields import Field
from import_export.instance_loaders import CachedInstanceLoader
from import_export.resources import ModelResource
from import_export.results import Error, Result

from domains.data.password_hashers import RandomSecretHasher
from domains.data.table_widgets import (
    FlagWidget,
    OptionalTextWidget,
    RelationWidget,
    WholeNumberWidget,
    batched,
)
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
from foundation.web.scoping import mark_visible, scope
from foundation.web.table_export import remove_formula_mark

MAX_ROWS = 10_000
SaveRow = Callable[[Any], object]


class TableRows(ModelResource):  # type: ignore[misc]  # the base class has no types
    """An import of one kind of table. `page` is the admin page of that model, which knows the user's rights."""

    moid = Field("moid", "moid")

    class Meta:
        import_id_fields = ("moid",)
        instance_loader_class = CachedInstanceLoader
        use_transactions = True
        skip_diff = True
        clean_model_instances = False

    def __init__(self, page: Any, request: HttpRequest) -> None:
        """Prepare an import by the user of `request`. `page`: the model's admin page, which knows the user's rights."""
        super().__init__()
        self.page, self.request = page, request
        self.save_row: SaveRow = self._refuse_outside_import
        self._stored_moids: set[str] = set()
        """The MOIDs in the table that the database has already."""
        self._repeated_moids: set[str] = set()
        """The MOIDs that stand in several rows of the table."""

    @staticmethod
    def _refuse_outside_import(row: object) -> None:
        """Raise RuntimeError: rows are saved only during `import_data`, in its transaction."""
        raise RuntimeError("only within import_data")

    @contextmanager
    def saving_rows(self) -> Iterator[SaveRow]:
        """Open the transaction of an import, and yield the function that saves a domain in it."""
        with change.saving_domains() as save:
            yield save

    def get_queryset(self) -> QuerySet[Model]:
        """Return the rows that the importing user sees."""
        rows: QuerySet[Model] = self.page.get_queryset(self.request)
        return rows

    # ---- the table as a whole ---------------------------------------------------------------

    def import_data(self, dataset: Any, dry_run: bool = False, **kwargs: object) -> Result:
        """Import all rows or, if one is refused, none. A trial run (`dry_run`) changes nothing.

        Returns the result for each row.
        """
        if refusal := self._find_wrong_table(dataset):
            result = self.get_result_class()()
            result.append_base_error(Error(ValidationError(refusal)))
            return result
        audit: AbstractContextManager[object] = disable_auditlog() if dry_run else nullcontext()
        with audit, self.saving_rows() as self.save_row:
            return super().import_data(
                dataset, dry_run=dry_run, **kwargs, rollback_on_validation_errors=True
            )

    def _find_wrong_table(self, dataset: Any) -> str:
        """Return why a table (`dataset`) cannot be imported: too many rows, or an unknown column; "" if it can."""
        if len(dataset) > MAX_ROWS:
            return gettext("At most %d rows at once: split the file.") % MAX_ROWS
        columns = {field.column_name for field in self.get_import_fields()}
        unknown = [str(name) for name in dataset.headers if name not in columns]
        if not unknown:
            return ""
        values = {"strange": ", ".join(unknown), "known": ", ".join(sorted(columns))}
        text = gettext("There is no column %(strange)s. The columns are: %(known)s.")
        return text % values

    def before_import(self, dataset: Any, **kwargs: object) -> None:
        """Read, with few queries, all stored rows to which the rows of the table (`dataset`) refer.

        A table without the column `moid` gets an empty one, since its rows are new.
        """
        if "moid" not in dataset.headers:
            dataset.append_col([""] * len(dataset), header="moid")
        self._read_referenced_rows(dataset)

    def _read_referenced_rows(self, dataset: Any) -> None:
        """Read which ids of the table are stored already, and the rows that its cells name as foreign keys."""
        moids = Counter(filter(None, map(_cell_text, dataset["moid"])))
        self._repeated_moids = {moid for moid, count in moids.items() if count > 1}
        for batch in batched(moids):
            stored = self._all_rows().filter(moid__in=batch).values_list("moid", flat=True)
            self._stored_moids.update(stored)
        for field in self.get_import_fields():
            if isinstance(field.widget, RelationWidget) and field.column_name in dataset.headers:
                cells = filter(None, map(_cell_text, dataset[field.column_name]))
                field.widget.load_targets(cells, self._choices(field.widget.relation))

    def _all_rows(self) -> QuerySet[Model]:
        """Return all stored objects whose ids a row of the table could repeat: here all domains."""
        return Domain.objects.all()

    def _choices(self, relation: str) -> QuerySet[Any]:
        """Return the rows that the admin form offers for the foreign key `relation`."""
        field = self._meta.model._meta.get_field(relation)
        rows: QuerySet[Model] = self.page.formfield_for_dbfield(field, self.request).queryset
        return rows

    # ---- one row ----------------------------------------------------------------------------

    def before_import_row(self, row: dict[str, object], **kwargs: object) -> None:
        """Convert all cells of a row to text, and give a row without id (MOID) a new one. Raises ValidationError."""
        for name, value in row.items():
            row[name] = remove_formula_mark(_cell_text(value))
        if row["moid"] in self._repeated_moids:
            raise ValidationError({"moid": gettext("This MOID stands in several rows.")})
        row["moid"] = row["moid"] or new_moid()

    def after_init_instance(
        self, instance: Any, new: bool, row: dict[str, str], **kwargs: object
    ) -> None:
        """Check that the importing user may write a row, and note on it the fields that must not change.

        Raises ValidationError. `new`: the user sees no stored row with this id. It may be the id of
        a row that the user does not see.
        """
        if new and row["moid"] in self._stored_moids:
            raise ValidationError({"moid": gettext("This MOID is taken: leave it empty.")})
        if not new:
            mark_visible(instance, self.request.user)  # It was read from the rows in scope.
        has_right = (
            self.page.has_add_permission(self.request)
            if new
            else self.page.has_change_permission(self.request, instance)
        )
        if not has_right:
            raise ValidationError(gettext("You have no right to write this one."))
        fixed = scope().fixed_fields(self.request.user, type(instance), None if new else instance)
        instance._fixed = {
            name: getattr(instance, name, None) for name in _attribute_names(instance, fixed)
        }

    def import_instance(self, instance: Any, row: dict[str, str], **kwargs: object) -> None:
        """Set the fields of an object (`instance`) from a row. Raises ValidationError with all errors, by column."""
        errors: dict[str, list[str]] = {}
        for field in self.get_import_fields():
            try:
                self.import_field(field, instance, row, **kwargs)
            except ValidationError as error:
                errors[field.column_name] = error.messages
        for name, before in instance._fixed.items():
            if getattr(instance, name) != before:
                errors[name.removesuffix("_id")] = [gettext("You may not change this one.")]
        if errors:
            raise ValidationError(errors)

    def validate_instance(
        self,
        instance: Any,
        import_validation_errors: dict[str, ValidationError] | None = None,
        **kwargs: object,
    ) -> None:
        """Raise ValidationError with the errors that `import_instance` found; the saving flow finds the others."""
        if import_validation_errors:
            raise ValidationError(import_validation_errors)

    def save_instance(
        self, instance: Any, is_create: bool, row: dict[str, str], **kwargs: object
    ) -> None:
        """Save the object of a row. Raises ValidationError with the refusals of the rules, by column."""
        try:
            self.save_row(instance)
        except RuleBroken as broken:
            texts = {
                refusal.field or NON_FIELD_ERRORS: translated(refusal)
                for refusal in broken.refusals
            }
            raise ValidationError(texts) from None


def _attribute_names(instance: Any, names: Iterable[str]) -> Iterator[str]:
    """Yield, of these field names, those that a model has, as names of attributes (`parent` as `parent_id`)."""
    attributes = {field.name: field.attname for field in instance._meta.concrete_fields}
    return (attributes[name] for name in names if name in attributes)


def _cell_text(value: object) -> str:
    """Return the value of a cell as text; spreadsheets give whole numbers as floats."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


# ---- the kinds of table -------------------------------------------------------------------------


class _DomainRows(TableRows):
    """The base of imports of domains: the columns that tables of all kinds of domains have."""

    name = Field("name", "name")
    parent = Field("parent_id", "parent", RelationWidget("parent"))
    used = Field("used", "enabled", FlagWidget())
    enable_hd = Field("enable_hd", "enable_hd", FlagWidget())
    enable_h265 = Field("enable_h265", "enable_h265", FlagWidget())


_DOMAIN_FIELDS = ("moid", "name", "parent", "used", "enable_hd", "enable_h265")


class ServiceRows(_DomainRows):
    """An import of service domains."""

    class Meta(TableRows.Meta):
        model = ServiceDomain
        fields = _DOMAIN_FIELDS


class PlatformRows(_DomainRows):
    """An import of platform domains. Machine rooms have a table of their own."""

    e164_prefix = Field("e164_prefix", "e164_prefix")
    dr_mode = Field("dr_mode", "dr_mode")

    class Meta(TableRows.Meta):
        model = PlatformDomain
        fields = (*_DOMAIN_FIELDS, "e164_prefix", "dr_mode")


class TenantRows(_DomainRows):
    """An import of user domains, with their platform, machine room and limits."""

    platform = Field("platform_id", "platform", RelationWidget("platform"))
    room = Field("room_id", "room", RelationWidget("room"))
    small_limit = Field("small_limit", "small_limit", WholeNumberWidget())
    large_limit = Field("large_limit", "large_limit", WholeNumberWidget())

    class Meta(TableRows.Meta):
        model = UserDomain
        fields = (*_DOMAIN_FIELDS, "platform", "room", "small_limit", "large_limit")


class RoomRows(TableRows):
    """An import of machine rooms."""

    name = Field("name", "name")
    platform = Field("platform_id", "platform", RelationWidget("platform"))
    order = Field("order", "order", WholeNumberWidget())
    is_default = Field("is_default", "is_default", FlagWidget())

    class Meta(TableRows.Meta):
        model = MachineRoom
        fields = ("moid", "name", "platform", "order", "is_default")

    @contextmanager
    def saving_rows(self) -> Iterator[SaveRow]:
        """Open a transaction, and yield the function that saves a machine room in it."""

        def save(room: MachineRoom) -> None:
            """Check and save one machine room. Raises RuleBroken."""
            room.full_clean()
            change.save_room(room)

        with transaction.atomic():
            yield save

    def _all_rows(self) -> QuerySet[Model]:
        """Return all stored machine rooms, whose ids a row of the table could repeat."""
        return MachineRoom.objects.all()


class AccountRows(TableRows):
    """An import of accounts.

    A new account gets a password of 120 random bits, which the page shows once; only its hash is stored.
    """

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
        """Prepare an import of accounts by the user of `request`. `page` is the admin page of accounts."""
        super().__init__(page, request)
        self.first_passwords: list[tuple[str, str]] = []
        """User name and password of each new account."""

    @contextmanager
    def saving_rows(self) -> Iterator[SaveRow]:
        """Open a transaction, and yield the function that saves an account in it."""
        changed_by = getattr(self.request.user, "moid", None)
        with transaction.atomic():
            yield partial(people.save_account, changed_by=changed_by)

    def save_instance(
        self, instance: Any, is_create: bool, row: dict[str, str], **kwargs: object
    ) -> None:
        """Save an account. A new one gets a random first password."""
        if is_create:
            password = b32encode(token_bytes(15)).decode().lower()
            hasher = RandomSecretHasher()  # 10,000 passwords would take an hour with Argon2.
            instance.password = hasher.encode(password, hasher.salt())
            self.first_passwords.append((instance.username, password))
        super().save_instance(instance, is_create, row, **kwargs)

    def after_import(self, dataset: Any, result: Result, **kwargs: object) -> None:
        """Add the first passwords to the result, once all rows are saved, so that the page can show them."""
        result.first_passwords = self.first_passwords

    def _all_rows(self) -> QuerySet[Model]:
        """Return all stored accounts, whose ids a row of the table could repeat."""
        return Account.objects.all()
