"""Addresses of OAuth2; what is not listed here (devices, registration, OpenID) is not offered."""

from django.urls import path
from oauth2_provider.urls import metadata_urlpatterns
from oauth2_provider.views import RevokeTokenView

from domains.api.oauth import views

app_name = "oauth2_provider"
urlpatterns = [
    path("oauth/authorize", views.AuthorizeView.as_view(), name="authorize"),
    path("oauth/token", views.PlatformTokenView.as_view(), name="token"),
    path("oauth/revoke_token", RevokeTokenView.as_view(), name="revoke-token"),
    path("oauth/introspect", views.IntrospectView.as_view(), name="introspect"),
    *metadata_urlpatterns,
]
