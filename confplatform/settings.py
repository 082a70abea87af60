"""The Django settings are read from environment variables; the program refuses to start with unusable values.

The page docs/configuration.md lists every variable with its meaning and default.
"""

from __future__ import annotations

import os
import tomllib
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from confplatform.declarations import roles
from confplatform.settings_parts import api_examples, backup, mail, message_center
from confplatform.settings_parts.admin_theme import UNFOLD as _UNFOLD
from confplatform.settings_parts.api_text import API_SETTINGS
from confplatform.settings_parts.servers import Servers
from confplatform.settings_parts.site_env import SiteEnv, read_state_folder
from foundation import tls
from foundation.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

environ.Env.read_env(str(BASE_DIR / ".env"), overwrite=False)
env = SiteEnv(os.environ)

VAR_DIR = read_state_folder(env, BASE_DIR / "var")
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="only-for-debugging" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY (50 random characters), or DEBUG=true for a trial.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL])

# ---- the identity of this site ------------------------------------------------------------------

SITE_NAME = env.str("SITE_NAME", default="east")
PLATFORM_MOID = env.str("PLATFORM_MOID", default="00000000-0000-4000-8000-000000000001")
if not 1 <= len(PLATFORM_MOID) <= 40:
    raise ImproperlyConfigured("PLATFORM_MOID: at most 40 characters.")
ROLES = frozenset(env.list("ROLES", default=["css", "rms", "cm", "pms", "im"]))
if unknown := sorted(ROLES - roles()):
    raise ImproperlyConfigured(f"ROLES: unknown {unknown}.")
CORE_MOID = env.str("CORE_MOID", default="")
CORE_URL = env.str("CORE_URL", default="").rstrip("/")
CELLS_FILE = env.str("CELLS_FILE", default="")
try:
    MONITOR_NETWORKS = tuple(map(ip_network, env.list("MONITOR_NETWORKS", default=[])))
except ValueError as error:
    raise ImproperlyConfigured(f"MONITOR_NETWORKS: {error}.") from None
DR_TAKEOVERS_PER_HOUR = env.int("DR_TAKEOVERS_PER_HOUR", default=1)
LICENSE_PUBLIC_KEY = env.str("LICENSE_PUBLIC_KEY", default="")
LICENSE_SEALING_KEY = env.str("LICENSE_SEALING_KEY", default="")
ACCOUNT_SEALING_KEY = env.str("ACCOUNT_SEALING_KEY", default="")

# ---- stores: each platform's data has an alias and a Redis of its own ---------------------------

_servers = Servers(env)
TLS_CA_FILE = _servers.authorities
_OWN_URL = env.str("DATABASE_URL", default="mysql://app@127.0.0.1:3306/east")
DATABASES = {"default": _servers.database("DATABASE_URL", _OWN_URL)}
REDIS_URL = _servers.url("REDIS_URL", tls.REDIS, "redis://127.0.0.1:6379/0")
PLATFORM_STORES = {PLATFORM_MOID: ("default", REDIS_URL)}
_POSSIBLE_REDIS = _servers.urls("POSSIBLE_REDIS", tls.REDIS)
_POSSIBLE_DATABASES = _servers.urls("POSSIBLE_DATABASES", tls.MARIADB)
if _incomplete := sorted(_POSSIBLE_DATABASES.keys() ^ _POSSIBLE_REDIS.keys()):
    raise ImproperlyConfigured(
        f"POSSIBLE_DATABASES and POSSIBLE_REDIS: {_incomplete} is in only one of them."
    )
if PLATFORM_MOID in _POSSIBLE_DATABASES:
    raise ImproperlyConfigured(
        "POSSIBLE_DATABASES: name only other platforms; the own database is DATABASE_URL."
    )
for _moid, _url in _POSSIBLE_DATABASES.items():
    DATABASES[_moid] = _servers.database("POSSIBLE_DATABASES", _url)
    PLATFORM_STORES[_moid] = (_moid, _POSSIBLE_REDIS[_moid])
DATABASE_ROUTERS = ["foundation.cells.router.OwnOnly"]
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1, "IGNORE_EXCEPTIONS": True},
    }
}
PEERS = _servers.urls("PEERS", tls.AMQP)
REGISTER_URL = _servers.url("REGISTER_URL", tls.MARIADB, "")
AMQP_URL = _servers.url("AMQP_URL", tls.AMQP, "amqp://guest:guest@127.0.0.1:5672/%2F")
RABBITMQ_MANAGEMENT_URL = _servers.url("RABBITMQ_MANAGEMENT_URL", tls.HTTP, "")

# ---- instant messages: the clients' virtual host, and the addresses that clients get ------------

IM_AMQP_URL = _servers.url("IM_AMQP_URL", tls.AMQP, AMQP_URL.rpartition("/")[0] + "/im")
IM_MANAGEMENT_URL = _servers.url("IM_MANAGEMENT_URL", tls.HTTP, RABBITMQ_MANAGEMENT_URL)
IM_ADDRESSES: dict[str, str] = env.dict("IM_ADDRESSES", default={})
globals().update(message_center.read_settings(env, VAR_DIR))
IM_FILES = env.str("IM_FILES", default=str(VAR_DIR / "im-files"))
IM_SPOOL = env.str("IM_SPOOL", default=f"{IM_FILES}-spool")
IM_FILE_MAX_BYTES = env.int("IM_FILE_MAX_BYTES", default=2 * 1024**3)
IM_FILES_QUOTA_BYTES = env.int("IM_FILES_QUOTA_BYTES", default=20 * 1024**3)
RECORDINGS = env.str("RECORDINGS", default=str(VAR_DIR / "recordings"))

CALL_RING_SECONDS = env.int("CALL_RING_SECONDS", default=60)
VOICEMAIL_MAX_SECONDS = env.int("VOICEMAIL_MAX_SECONDS", default=180)
TURN_URLS = env.list("TURN_URLS", default=[])
TURN_SECRET = env.str("TURN_SECRET", default="")
_FOLDER = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {
        "location": IM_FILES,
        "file_permissions_mode": 0o600,
        "directory_permissions_mode": 0o700,
    },
}
INVITATIONS = env.bool("INVITATIONS", default=True)
globals().update(mail.read_settings(env, VAR_DIR) | backup.read_settings(env))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "im_files": env.json("IM_FILES_STORAGE", default=_FOLDER),
}

# ---- Django -------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "domains.pages.admin_config.OperatorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "auditlog",
    "import_export",
    "foundation.cells",
    "foundation.bus",
    "foundation.backup",
    "domains",
    "licensing",
    "conferences",
    "failover",
    "im",
    "social",
    "media_unit",
    "confplatform.apps.ProjectConfig",
]
MIDDLEWARE = [
    "foundation.web.request_id.RequestId",
    "foundation.web.lenient_requests.WildRequests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "foundation.web.content_security_policy.ContentSecurityPolicy",
    "foundation.web.served_elsewhere.RefuseWrites",
    "domains.api.request_database.RequestDatabase",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "foundation.web.audit.WhoAsked",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "confplatform.urls"
WSGI_APPLICATION = "confplatform.wsgi.application"
_PAGES = [
    "foundation/web",
    "domains/pages",
    "licensing/pages",
    "conferences/pages",
    "failover/pages",
    "im/pages",
    "social/pages",
]
"""The folders that hold templates and static files."""
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "DIRS": [BASE_DIR / folder / "templates" for folder in _PAGES],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "licensing.pages.admin_notices.for_pages",
                "confplatform.declarations.navigation",
            ]
        },
    }
]
AUTH_USER_MODEL = "domains.Account"
OAUTH2_PROVIDER_APPLICATION_MODEL = "domains.Application"
LOGIN_REDIRECT_URL = "admin:index"
LOGIN_URL = "login"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "domains.flows.sign_in.SignInNameBackend",
    "domains.data.permission_backend.RightsBackend",
]
PASSWORD_HASHERS = [
    "domains.data.password_hashers.Argon2Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "domains.data.password_hashers.RandomSecretHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {
            "user_attributes": ("username", "first_name", "last_name", "email", "phone", "e164")
        },
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["confplatform.formats"]
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(VAR_DIR / "static"))
STATICFILES_DIRS = [path for folder in _PAGES if (path := BASE_DIR / folder / "static").is_dir()]
UNFOLD = _UNFOLD
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

# ---- security: on, unless the operator says that no TLS proxy stands in front -------------------

BEHIND_TLS = env.bool("BEHIND_TLS", default=PUBLIC_URL.startswith("https"))
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_REDIRECT_EXEMPT = ["^(healthz|readyz|metrics)$"]  # asked from inside, past the proxy
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_TLS
X_FRAME_OPTIONS = "DENY"
# Cookies know no ports: several deployments on one host name would sign each other's people out.
SESSION_COOKIE_NAME = env.str("COOKIE_PREFIX", default="") + "sessionid"
CSRF_COOKIE_NAME = env.str("COOKIE_PREFIX", default="") + "csrftoken"
PROXIES = env.int("PROXIES", default=1 if BEHIND_TLS else 0)

# ---- people and programs sign in ----------------------------------------------------------------

REQUIRE_SECOND_FACTOR = env.bool("REQUIRE_SECOND_FACTOR", default=True)
OTP_TOTP_ISSUER = env.str("OTP_ISSUER", default="Conference platform")
TRIES_PER_ADDRESS = env.int("TRIES_PER_ADDRESS", default=100)
AXES_HANDLER = "domains.data.lockout.LockoutHandler"
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]  # domains.data.lockout computes their values
AXES_USERNAME_CALLABLE = "domains.flows.sign_in.tries_name"
AXES_CLIENT_IP_CALLABLE = "foundation.web.audit.counted_address_of"
AXES_LOCKOUT_CALLABLE = "domains.data.lockout.use_given_response"
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
OAUTH2_PROVIDER = {
    "OAUTH2_VALIDATOR_CLASS": "domains.api.oauth.validator.PlatformOAuth2Validator",
    "CLIENT_SECRET_HASHER": "random",
    "SCOPES": {
        "read": _("See conferences, their members and their state"),
        "write": _("Hold and control conferences"),
    },
    "AUTHORIZATION_CODE_EXPIRE_SECONDS": 300,
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 14 * 86400 - 3600,  # it counts from the end of the access token
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "OAUTH2_RESPONSE_TYPES_SUPPORTED": ["code"],
    "OAUTH2_GRANT_TYPES_SUPPORTED": ["authorization_code", "password", "refresh_token"],
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
    "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
}

# ---- the HTTP API -------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "domains.api.authentication.BearerToken",
        "domains.api.authentication.PlatformSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.JSONParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "foundation.web.call_description.CallDescription",
    "EXCEPTION_HANDLER": "foundation.web.errors.answer_refusal",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {**API_SETTINGS, "VERSION": VERSION}
API_EXAMPLES, API_REFUSALS = api_examples.API_EXAMPLES, api_examples.API_REFUSALS

RESERVATIONS_KEPT_DAYS = min(max(2, env.int("RESERVATIONS_KEPT_DAYS", default=400)), 36_500)
PUSH_SESSIONS = env.int("PUSH_SESSIONS", default=5000)
PUSH_SESSIONS_PER_USER = env.int("PUSH_SESSIONS_PER_USER", default=2000)
API_CALLS_PER_USER = env.int("API_CALLS_PER_USER", default=1000)

# ---- Celery: timers only, at least once, never early acknowledged -------------------------------

CELERY_BROKER_URL = _servers.url("CELERY_BROKER_URL", tls.AMQP, AMQP_URL)
CELERY_BROKER_USE_SSL = _servers.celery_tls(CELERY_BROKER_URL)
CELERY_TASK_DEFAULT_QUEUE = "tasks"
CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
CELERY_TASK_ROUTES = {"conferences.tasks.make_film": {"queue": "media"}}
CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 120
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "confirm_publish": True,
    "confirm_timeout": 5,
    "connect_timeout": 5,
    "read_timeout": 30,
    "write_timeout": 5,
}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "confplatform.beat:MonotonicScheduler"

# ---- logs ---------------------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOG_FORMAT = env.str("LOG_FORMAT", default="lines" if DEBUG else "json")
_LOGGERS = ["confplatform", "conferences", "domains", "failover", "im", "social", "licensing"]
LOGGING = logging_config(LOG_FORMAT, LOG_LEVEL, _LOGGERS)
