"""The admin as a Django app: ours asks for the second factor."""

from django.contrib.admin.apps import AdminConfig


class OperatorAdmin(AdminConfig):
    """Django's, with our site in its place."""

    default_site = "domains.pages.admin_site.OperatorSite"
