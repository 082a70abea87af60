"""The web application for a WSGI server is `application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confplatform.settings")

application = get_wsgi_application()

from foundation.cells import patience  # noqa: E402  # the settings are read above

patience.set_time_limits(patience.WEB)
