"""All addresses."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("confplatform.api.urls")),
    path("api/v1/system/", include("domains.api.urls")),
    path("api/v1/", include("conferences.api.urls")),
    path("join/", include("conferences.console.urls")),
    path("admin/", admin.site.urls),
]
