"""What a person sees when everything is ready: addresses, accounts, one line per thing to try."""

from typing import Any

USERS = ("user", "member", "manager")  # who would create a conference


def guide(up: dict[str, Any]) -> str:
    """Render up.json for a person."""
    lines = []
    for name, site in up["sites"].items():
        lines += [
            f"{name}  {site['http']}/admin/   operators",
            f"{name}  {site['http']}/join/    join a conference with a browser",
        ]
    lines.append("")
    for account in up["accounts"]:
        lines.append(
            f"account  {account['role']:<16} {account['username']:<24} {account['password']}"
        )
    lines += [
        "",
        "try, in this order:",
        *_calls(up),
        "",
        *_licence(up),
        "",
        "where everything is: var/up.json",
    ]
    return "\n".join(lines)


def _calls(up: dict[str, Any]) -> list[str]:
    """The open API, as integrators' programs use it: token, login, create."""
    if not up["accounts"] or not up["api_key"]:
        return []
    api = next(iter(up["sites"].values()))["http"] + "/api/v1"
    key, who = up["api_key"], _someone(up["accounts"])
    return [
        f"  T=$(curl -s {api}/system/token -d oauth_consumer_key={key['oauth_consumer_key']}"
        f" -d oauth_consumer_secret={key['oauth_consumer_secret']}"
        """ | sed 's/.*"account_token": *"\\([^"]*\\)".*/\\1/')""",
        f"  curl -s -c var/cookies {api}/system/login -d account_token=$T"
        f" -d username={who['username']} -d password='{who['password']}'",
        f"  curl -s -b var/cookies {api}/mc/confs -d account_token=$T"
        """ --data-urlencode 'params={"name":"first","duration":60,"conf_type":0}'""",
        f'  curl -s -b var/cookies "{api}/vc/confs?account_token=$T"',
    ]


def _licence(up: dict[str, Any]) -> list[str]:
    """The stand is its own core: it can issue licences for its sites."""
    name, site = next(iter(up["sites"].items()))
    return [
        f"a licence of your own (paste what it prints at {site['http']}/admin/licensing/licence/add/):",
        f"  DEBUG=true .venv/bin/python manage.py license_issue --key var/{name}/license.signing.key"
        f" --sealing-key var/{name}/license.sealing.key --platform {site['platformmoid']}"
        " --issue 1 --small 100 --large 10",
    ]


def _someone(accounts: list[dict[str, str]]) -> dict[str, str]:
    return next((account for account in accounts if account["role"] in USERS), accounts[-1])
