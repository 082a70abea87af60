"""All addresses."""

from django.contrib import admin
from django.urls import include, path

from conferences import dashboard

urlpatterns = [
    path("", include("confplatform.api.urls")),
    path("api/v1/system/", include("domains.api.urls")),
    path("api/v1/", include("conferences.api.urls")),
    path("join/", include("conferences.console.urls")),
    path("admin/live.json", dashboard.live, name="dashboard-live"),
    path("admin/", admin.site.urls),
]
