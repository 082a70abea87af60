"""The words of the admin's theme that its own catalogue does not translate.

They are named here so that `make translations` puts them into ours, which Django asks first.
"""

from django.utils.translation import gettext_noop as _

WORDS = (
    _("All applications"),
    _("Apply Filters"),
    _("Choose file to upload"),
    _("Dark"),
    _("General"),
    _("Light"),
    _("Loading more results..."),
    _("More actions"),
    _("Next"),
    _("No recent searches"),
    _("No results matching your query"),
    _("Previous"),
    _("Recent searches"),
    _("Return to site"),
    _("Run"),
    _("Search apps and models..."),
    _("Select all rows"),
    _("Select record"),
    _("System"),
    _("Toggle password visibility"),
    _("Type to search"),
    _("You have been successfully logged out from the administration"),
)
