"""The models of accounts, of their sign-in names, and of client applications that act for people or domains."""

from __future__ import annotations

import hashlib

from django.db import models

from domains.data.model_bases import AccountBase, ApplicationBase
from domains.models.tree import Domain, new_moid, raise_validation_error
from domains.rules.departments import refusals_to_belong
from domains.rules.tree import Refusal, refusals_to_name


class Account(AccountBase):
    """An account is a person of a user domain, or an administrator (`is_staff`) of the domain it belongs to.

    What an administrator may do follows from the level of that domain (see `rules.rights`).
    """

    moid = models.CharField("MOID", max_length=40, unique=True, default=new_moid)
    domain = models.ForeignKey(Domain, null=True, blank=True, on_delete=models.PROTECT)
    email = models.EmailField("e-mail", null=True, blank=True, unique=True)  # type: ignore[assignment]  # Django's own field is neither nullable nor unique
    phone = models.CharField(max_length=16, null=True, blank=True, unique=True)
    e164 = models.CharField("E.164 number", max_length=16, null=True, blank=True, unique=True)
    department = models.ForeignKey(
        "domains.Department", null=True, blank=True, on_delete=models.SET_NULL
    )
    position = models.CharField(max_length=64, blank=True, default="", db_default="")

    class Meta:
        verbose_name = "account"

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def find_refusals(self, database: str) -> list[Refusal]:
        """Return why the rules refuse to save the account as it is. An empty list means that it can be saved."""
        of_department = self.department.domain_id if self.department else None
        refusals = refusals_to_belong(self.domain_id, of_department)
        return [*super().find_refusals(database), *refusals]

    def clean(self) -> None:
        """Raise ValidationError if another account has one of the names, or the domain does not fit the account."""
        super().clean()
        database = self._state.db or "default"
        saved = Account.objects.using(database).filter(pk=self.pk).first() if self.pk else None
        raise_validation_error(self.find_name_refusals(saved))
        raise_validation_error(self.find_refusals(database))


class SignInName(models.Model):
    """A sign-in name is an account name, e-mail address, phone number or E.164 number of a person.

    All of them share one namespace, so that one person's number cannot be another person's account name.
    """

    name = models.CharField(max_length=254, primary_key=True, db_collation="utf8mb4_bin")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="names")

    def __str__(self) -> str:
        return self.name


class Application(ApplicationBase):
    """A client application that people of a domain, and of those below it, may let act for them by OAuth2."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE)

    class Meta(ApplicationBase.Meta):
        abstract = False
        verbose_name = "application"


def hash_secret(secret: str) -> str:
    """Return the hash of a random secret, which is stored in place of the secret.

    A secret of 128 random bits and more needs no salt and no stretching.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiKey(models.Model):
    """An API key is the key pair (name and secret) of an integrator's software, which acts for a domain."""

    key = models.CharField("oauth_consumer_key", max_length=64, primary_key=True)
    secret_hash = models.CharField(max_length=64, editable=False)
    domain = models.ForeignKey(Domain, on_delete=models.CASCADE)
    name = models.CharField(max_length=64)
    enabled = models.BooleanField(default=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raise ValidationError if the API key has a new name that is no plain text."""
        super().clean()
        if not ApiKey.objects.filter(pk=self.pk, name=self.name).exists():
            raise_validation_error(refusals_to_name("name", self.name))


class ApiToken(models.Model):
    """An API token is a token of an integrator's software, and the login of a person that was made with it, if any.

    Both end after 30 minutes without use. Token and login cookie are stored as hashes.
    """

    token_hash = models.CharField(max_length=64, primary_key=True)
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE)
    used_at = models.DateTimeField(db_index=True)
    cookie_hash = models.CharField(max_length=64, null=True, unique=True)
    account = models.ForeignKey(Account, null=True, on_delete=models.CASCADE)
    login_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"token of {self.key_id}"
