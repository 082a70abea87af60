"""All addresses."""

from django.contrib import admin
from django.urls import include, path

from conferences import dashboard
from failover import page

handler500 = "confplatform.api.away.server_error"

urlpatterns = [
    path("", include("confplatform.api.urls")),
    path("", include("domains.oauth.urls")),
    path("api/v1/system/", include("domains.api.urls")),
    path("api/v1/im/", include("im.api.urls")),
    path("api/v1/", include("conferences.api.urls")),
    path("", include("conferences.console.urls")),
    path("", include("im.chat.urls")),
    path("admin/live.json", admin.site.admin_view(dashboard.live), name="dashboard-live"),
    *page.urls,
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
]
