"""Define all addresses of the project: those of every app, and the admin."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from conferences.api import views as conference_calls
from conferences.api.recording_parts import receive_parts
from conferences.pages import dashboard
from domains.api.account_urls import OF_OTHER_GENERATION
from failover.pages import sites_page

admin.autodiscover()
handler500 = "foundation.web.served_elsewhere.server_error"

urlpatterns = [
    path("", include("foundation.web.urls")),
    path("", include("domains.api.oauth.urls")),
    path("api/v1/system/", include("domains.api.urls")),
    path("api/v1/im/", include("im.api.urls")),
    path("api/v1/social/", include("social.api.urls")),
    path("api/v1/", include("domains.api.account_urls")),
    path("api/v1/", include("conferences.api.urls")),
    OF_OTHER_GENERATION,
    path("api/<str:app>/version", conference_calls.Version.as_view()),
    re_path("^api/", csrf_exempt(conference_calls.unknown_call)),
    path("recordings/parts", receive_parts),
    path("", include("conferences.pages.urls")),
    path("", include("im.pages.urls")),
    path("people/", include("social.pages.urls")),
    path(
        "admin/live.json", admin.site.admin_view(dashboard.answer_live_facts), name="dashboard-live"
    ),
    *sites_page.urls,
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
]
