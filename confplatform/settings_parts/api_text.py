"""Define the settings of the description of the HTTP API (`/api/docs/`), and the text at its top."""

from __future__ import annotations

from conferences.rules.states import ConferenceState
from im.rules.vocabulary import Membership, Presence
from wire import api_errors

API_DESCRIPTION = f"""The API in three layers.

Programs of the 5.x generation are answered with HTTP status 200 and `success` 0 or 1, in JSON, or in XML by the suffix
`.xml` or `Accept: application/xml`. They send a form: structured arguments are one JSON document in its field `params`,
and `account_token` stands beside it. Their arguments are read leniently.
Programs with a Bearer token, or with `Accept: application/problem+json`, send the JSON that is described here, and get
an HTTP status and problem details (RFC 9457) where a call is refused: 400 if the JSON is not as described, 422 if a
rule refuses a value. With `?debug=1` nothing is done: arguments are only checked.

{api_errors.error_codes_as_markdown()}
"""

API_SETTINGS: dict[str, object] = {
    "TITLE": "Conference platform",
    "DESCRIPTION": API_DESCRIPTION,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "foundation.web.api_description.describe_problems",
        "foundation.web.api_description.allow_empty_numbers",
        "foundation.web.api_description.add_examples",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "ENFORCE_NON_BLANK_FIELDS": True,
    # The calls are grouped by the part of the API: mc, vc, amc and so on.
    "SCHEMA_PATH_PREFIX": "/api5?/(v1/)?",
    # More than 200 calls drawn at once take a browser half a minute.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none", "filter": True},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "SuccessEnum": [(1, 1)],
        "FlagEnum": [(0, 0), (1, 1)],
        "ConferenceStateEnum": [state.value for state in ConferenceState],
        "PresenceEnum": [presence.value for presence in Presence],
        "MembershipEnum": [membership.value for membership in Membership],
        "ExchangeStateEnum": ["asking", "asked", "agreed"],
        "ContactStateEnum": ["asking", "asked", "friend", "blocked"],
    },
}
