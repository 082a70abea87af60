"""The conformance kit is run as any author of a client runs it."""

from __future__ import annotations

import subprocess

from deploy.stand.site import PYTHON, REPOSITORY, Site


def run_kit(site: Site, way: str) -> subprocess.CompletedProcess[str]:
    """Run all checks of the kit over one protocol, as anna and ben."""
    people = {account["username"]: account["password"] for account in site.demo["accounts"]}
    # With "=", since a password may begin with "-".
    user = ("--user=anna", f"--password={people['anna']}")
    peer = ("--peer=ben", f"--peer-password={people['ben']}")
    argv = [str(PYTHON), "-m", "im.conformance", "--api", site.http, *user, *peer]
    return subprocess.run(
        [*argv, "--only", way], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
