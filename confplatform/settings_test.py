"""The Django settings of tests: private servers (variables `TEST_…`), a Redis database per process, cheap hashes."""

import os

for _name in [name for name in os.environ if name.startswith("TEST_")]:
    os.environ[_name.removeprefix("TEST_")] = os.environ[_name]
os.environ.setdefault("SECRET_KEY", "of the tests alone")

from confplatform.settings import *  # noqa: E402, F403
from confplatform.settings import DATABASES, PLATFORM_MOID, REDIS_URL  # noqa: E402

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
REDIS_URL = REDIS_URL.rpartition("/")[0] + f"/{_worker + 1}"
PLATFORM_STORES = {PLATFORM_MOID: ("default", REDIS_URL)}
DATABASES["default"]["TEST"] = {"NAME": "test_site", "CHARSET": "utf8mb4"}
# This database is empty until a test of two sites copies its tables there: see tests/integration/two_sites.py.
DATABASES["west"] = {**DATABASES["default"], "TEST": {"NAME": "test_west", "CHARSET": "utf8mb4"}}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "domains.data.password_hashers.RandomSecretHasher",
]
REQUIRE_SECOND_FACTOR = False
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# Each client of a test loads the middleware anew, which would look for all static files each time.
WHITENOISE_AUTOREFRESH = True
