"""Define the calls `mc/resources`, `mc/platforms` and `vrs/vrsip`: capacity, platform and recorders of this site."""

from __future__ import annotations

import redis
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api.call import Call
from conferences.data.platform_resolver import platform_of_domain
from conferences.data.pool_view import Resource, load_resources
from domains.data.lookups import name_of
from foundation.cells.directory import own_platform
from foundation.web.errors import ack
from foundation.web.serializers import answers
from foundation.web.shapes import answer, many, number, shape, string
from licensing.data.queries import usage_and_limits_of_site
from licensing.rules.amounts import NONE
from wire.fields import SIZES, SMALL

BY_SIZE_AND_RESOLUTION = 2
FULL_HD = 13
PRIVATE = 1

_ResourceRow = shape(
    "ConferenceResource",
    "How many conferences of a size there may be at once.",
    name=string(),
    resolution=number(),
    max_join_mt=number(),
    total=number(),
    used=number(),
)
_Resources = answer(
    "ConferenceResources",
    "How many conferences there may be.",
    resource_type=number(1, 2, "2: by size and resolution."),
    resources=many(_ResourceRow),
)
_Platform = shape("PlatformRow", "A platform.", name=string(), platform_id=string(), type=number())
_Platforms = answer(
    "Platforms", "The platforms on which conferences start.", platforms=many(_Platform)
)
_Address = shape("RecorderAddress", "A recorder.", emisp=number(), ip=string(), port=number())
_Addresses = answer("RecorderAddresses", "The recorders.", ipinfo=many(_Address))


def resources_of_pool(platform: str) -> list[Resource]:
    """Return all media units, recorders and mixers of a platform; [] while Redis is away."""
    try:
        return [resource for _, resource in sorted(load_resources(platform).items())]
    except redis.RedisError:
        return []


class Resources(Call):
    """The call `mc/resources` says how many conferences are licensed and in use."""

    @extend_schema(responses={200: answers(_Resources)})
    def get(self, request: Request) -> Response:
        """Answer how many conferences of each size the licence allows, and how many there are."""
        site = usage_and_limits_of_site()
        limits = site.limits or NONE
        small = (limits.small_conferences, site.used.small_conferences)
        large = (limits.large_conferences, site.used.large_conferences)
        rows = [
            {
                "name": f"{places} places",
                "resolution": FULL_HD,
                "max_join_mt": places,
                "total": total,
                "used": used,
            }
            for places in SIZES
            for total, used in [small if places <= SMALL else large]
        ]
        return ack(resource_type=BY_SIZE_AND_RESOLUTION, resources=rows)


class Platforms(Call):
    """The call `mc/platforms` lists the platform on which the caller's conferences start."""

    @extend_schema(responses={200: answers(_Platforms)})
    def get(self, request: Request) -> Response:
        """List the one platform on which the caller's conferences start."""
        moid = platform_of_domain(self.domain(request))
        row = {"name": name_of(own_platform(), moid), "platform_id": moid, "type": PRIVATE}
        return ack(platforms=[row])


class RecorderAddresses(Call):
    """The call `vrs/vrsip` lists the addresses of the recorders."""

    @extend_schema(responses={200: answers(_Addresses)})
    def get(self, request: Request) -> Response:
        """List the IP addresses of this site's recorders."""
        recorders = [row for row in resources_of_pool(own_platform()) if row.kind == "vrs"]
        return ack(ipinfo=[{"emisp": 0, "ip": row.unit.ip, "port": 0} for row in recorders])
