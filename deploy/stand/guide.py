"""The guide that `make up` prints when everything is ready: addresses, accounts, and commands to try."""

from typing import Any

USER_ROLES = ("user", "member", "manager")  # roles of people who create conferences
CORE = "core"


def guide(up_json: dict[str, Any]) -> str:
    """Return the text that `make up` prints: addresses, accounts and commands to try.

    `up_json` is the content of var/up.json: sites, accounts, API key.
    """
    lines = []
    for name, site in _sites(up_json).items():
        lines += [
            f"{name}  {site['http']}/admin/   operators: conferences and media units of this site",
            f"{name}  {site['http']}/         people: start conferences, join and control them, in the browser",
        ]
    lines += ["", *_account_lines(up_json), "", "try, in this order:", *_api_commands(up_json), ""]
    lines += [*_chat_lines(up_json), *_domain_lines(up_json), *_licence_lines(up_json), ""]
    lines += ["is anything wrong?      make doctor", "where everything is:    var/up.json"]
    return "\n".join(lines)


def _sites(up_json: dict[str, Any]) -> dict[str, Any]:
    """Return the sites that run conferences: all but the core, where domains and accounts are edited."""
    return {name: site for name, site in up_json["sites"].items() if name != CORE}


def _account_lines(up_json: dict[str, Any]) -> list[str]:
    """Return the lines that `make up` prints about accounts: role, user name and password of each."""
    return [
        f"account  {account['role']:<26} {account['username']:<16} {account['password']}"
        for account in up_json["accounts"]
    ]


def _api_commands(up_json: dict[str, Any]) -> list[str]:
    """Return the curl commands that `make up` prints: get a token, log in, create a conference, list conferences.

    Returns none if the trial has no demonstration accounts or no API key.
    """
    if not up_json["accounts"] or not up_json["api_key"]:
        return []
    api = next(iter(_sites(up_json).values()))["http"] + "/api/v1"
    key, account = up_json["api_key"], _conference_account(up_json["accounts"])
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


def _chat_lines(up_json: dict[str, Any]) -> list[str]:
    """Return the lines that `make up` prints for chat clients: they get a token by HTTP, and connect to the broker.

    Returns none if there are no accounts or no API key.
    """
    if not up_json["accounts"] or not up_json["api_key"]:
        return []
    site, account = next(iter(_sites(up_json).values())), _conference_account(up_json["accounts"])
    broker = " ".join(f"{name} {url}" for name, url in site["im"].items())
    return [
        "chat, in two browsers or with a client of your own (docs/howto/write-a-chat-client.md):",
        f"  {site['http']}/chat/",
        f"  curl -s -b var/cookies {site['http']}/api/v1/im/login -d account_token=$T"
        f"   (user name {account['username']}: `user_id` and `token` sign in at the broker)",
        f"  {broker}",
        *_xmpp_lines(site, account),
        *_telephone_lines(site.get("sip") or ""),
        "",
    ]


def _xmpp_lines(site: dict[str, Any], account: dict[str, str]) -> list[str]:
    """Return the line that says how a client of XMPP signs in; none if the site has no XMPP server."""
    if not (xmpp := site.get("xmpp")):
        return []
    address = f"{account['username']}@{xmpp['people']}"
    return [
        f"  XMPP, with {xmpp['server']}: {address}, with the account's password; groups at {xmpp['groups']}"
    ]


def _telephone_lines(edge: str) -> list[str]:
    """Return how a SIP telephone calls a conference at this address of the site's edge; [] if "": there is none."""
    if not edge:
        return []
    return [
        f"  telephones: call sip:<number of a conference>@{edge}, then its password of digits and #"
    ]


def _domain_lines(up_json: dict[str, Any]) -> list[str]:
    """Return the lines that `make up` prints about domains and accounts: where to change and to watch them.

    Returns none if the trial has no core (the site where they are changed).
    """
    if CORE not in up_json["sites"]:
        return []
    core, (name, site) = up_json["sites"][CORE], next(iter(_sites(up_json).items()))
    return [
        "domains and accounts:",
        f"  change them at the core:     {core['http']}/admin/domains/domain/   (admin, or an administrator above)",
        f"  watch them arrive at {name}:    {site['http']}/admin/domains/domain/   (to look at only)",
        f"  sign in at both with the same accounts; new ones work at {name} a second later",
        "",
    ]


def _licence_lines(up_json: dict[str, Any]) -> list[str]:
    """Return the lines that `make up` prints about licences: the command that issues one, signed by the core's key.

    Without a core, the central site, the site's own key signs it.
    """
    name, site = next(iter(_sites(up_json).items()))
    issuer = CORE if CORE in up_json["sites"] else name
    return [
        f"a licence of your own (paste what it prints at {site['http']}/admin/licensing/licence/add/):",
        f"  make -s manage SITE={issuer} COMMAND='license_issue --key var/{issuer}/license.signing.key"
        f" --sealing-key var/{issuer}/license.sealing.key --platform {site['platformmoid']}"
        " --issue 1 --small 100 --large 10'",
    ]


def _conference_account(accounts: list[dict[str, str]]) -> dict[str, str]:
    """Return the first of these accounts that can create conferences; the last one if none can."""
    return next((account for account in accounts if account["role"] in USER_ROLES), accounts[-1])
