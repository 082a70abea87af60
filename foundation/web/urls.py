"""The addresses for operators and programs: health, metrics, and the generated description of the API."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from foundation.web import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path(
        "api/schema/", SpectacularAPIView.as_view(permission_classes=[], authentication_classes=[])
    ),
    path(
        "api/docs/",
        SpectacularSwaggerView.as_view(
            url="/api/schema/", permission_classes=[], authentication_classes=[]
        ),
    ),
]
