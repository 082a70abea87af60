"""The guide that `make up` prints when everything is ready: addresses, accounts, one line per thing to try."""

from typing import Any

USERS = ("user", "member", "manager")  # who would create a conference
CORE = "core"


def guide(up: dict[str, Any]) -> str:
    """Return up.json as text for a person."""
    lines = []
    for name, site in _sites(up).items():
        lines += [
            f"{name}  {site['http']}/admin/   operators: conferences and media units of this site",
            f"{name}  {site['http']}/         people: start conferences, join and control them, in the browser",
        ]
    lines += ["", *_accounts(up), "", "try, in this order:", *_calls(up), ""]
    lines += [*_chat(up), *_tree(up), *_licence(up), ""]
    lines += ["is anything wrong?      make doctor", "where everything is:    var/up.json"]
    return "\n".join(lines)


def _sites(up: dict[str, Any]) -> dict[str, Any]:
    """Return the sites where conferences are held: all but the core."""
    return {name: site for name, site in up["sites"].items() if name != CORE}


def _accounts(up: dict[str, Any]) -> list[str]:
    return [
        f"account  {account['role']:<26} {account['username']:<16} {account['password']}"
        for account in up["accounts"]
    ]


def _calls(up: dict[str, Any]) -> list[str]:
    """Return calls of the open API, as integrators' programs make them: token, login, create."""
    if not up["accounts"] or not up["api_key"]:
        return []
    api = next(iter(_sites(up).values()))["http"] + "/api/v1"
    key, account = up["api_key"], _someone(up["accounts"])
    return [
        f"  T=$(curl -s {api}/system/token -d oauth_consumer_key={key['oauth_consumer_key']}"
        f" -d oauth_consumer_secret={key['oauth_consumer_secret']}"
        """ | sed 's/.*"account_token": *"\\([^"]*\\)".*/\\1/')""",
        f"  curl -s -c var/cookies {api}/system/login -d account_token=$T"
        f" -d username={account['username']} -d password='{account['password']}'",
        f"  curl -s -b var/cookies {api}/mc/confs -d account_token=$T"
        """ --data-urlencode 'params={"name":"first","duration":60,"conf_type":0}'""",
        f'  curl -s -b var/cookies "{api}/vc/confs?account_token=$T"',
    ]


def _chat(up: dict[str, Any]) -> list[str]:
    """Return how a chat client signs in: a token by HTTP, then the broker itself."""
    if not up["accounts"] or not up["api_key"]:
        return []
    site, account = next(iter(_sites(up).values())), _someone(up["accounts"])
    broker = " ".join(f"{name} {url}" for name, url in site["im"].items())
    return [
        "chat, in two browsers or with a client of your own (docs/howto/write-a-chat-client.md):",
        f"  {site['http']}/chat/",
        f"  curl -s -b var/cookies {site['http']}/api/v1/im/login -d account_token=$T"
        f"   (user name {account['username']}: `user_id` and `token` sign in at the broker)",
        f"  {broker}",
        "",
    ]


def _tree(up: dict[str, Any]) -> list[str]:
    """Return where domains and accounts are changed, and where the change can be seen to arrive."""
    if CORE not in up["sites"]:
        return []
    core, (name, site) = up["sites"][CORE], next(iter(_sites(up).items()))
    return [
        "domains and accounts:",
        f"  change them at the core:     {core['http']}/admin/domains/domain/   (admin, or an administrator above)",
        f"  watch them arrive at {name}:    {site['http']}/admin/domains/domain/   (to look at only)",
        f"  sign in at both with the same accounts; new ones work at {name} a second later",
        "",
    ]


def _licence(up: dict[str, Any]) -> list[str]:
    """Return the command that issues a licence; a site without a core is its own core."""
    name, site = next(iter(_sites(up).items()))
    issuer = CORE if CORE in up["sites"] else name
    return [
        f"a licence of your own (paste what it prints at {site['http']}/admin/licensing/licence/add/):",
        f"  make -s manage SITE={issuer} COMMAND='license_issue --key var/{issuer}/license.signing.key"
        f" --sealing-key var/{issuer}/license.sealing.key --platform {site['platformmoid']}"
        " --issue 1 --small 100 --large 10'",
    ]


def _someone(accounts: list[dict[str, str]]) -> dict[str, str]:
    return next((account for account in accounts if account["role"] in USERS), accounts[-1])
