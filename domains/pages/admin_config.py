"""The Django app of the admin uses an admin site that asks administrators for their second factor."""

from django.contrib.admin.apps import AdminConfig


class OperatorAdminConfig(AdminConfig):
    """The app is Django's admin app, with our admin site in place of Django's."""

    default_site = "domains.pages.admin_site.OperatorAdminSite"
