"""The addresses for operators and client applications: health, metrics, and the generated description of the API."""

from django.urls import path
from drf_spectacular.views import SpectacularSwaggerSplitView

from foundation.web import api_description, health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("api/schema/", api_description.schema),
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(
            url="/api/schema/", permission_classes=[], authentication_classes=[]
        ),
    ),
]
