"""The Django app of the admin uses an admin site that asks administrators for their second factor."""

from django.contrib.admin.apps import SimpleAdminConfig


class OperatorAdminConfig(SimpleAdminConfig):
    """The app is Django's admin app, with our admin site in place of Django's.

    The pages are loaded with the addresses (`confplatform/urls.py`): most processes of a site never serve one.
    """

    default_site = "domains.pages.admin_site.OperatorAdminSite"
