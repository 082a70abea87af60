"""This module gives the web application to a WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confplatform.settings")

application = get_wsgi_application()
