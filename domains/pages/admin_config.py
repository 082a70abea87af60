"""The Django app of the admin, with an admin site that asks for the second factor."""

from django.contrib.admin.apps import AdminConfig


class OperatorAdminConfig(AdminConfig):
    """Django's admin app, with our admin site in place of its own."""

    default_site = "domains.pages.admin_site.OperatorAdminSite"
