"""nginx takes the configuration that is shipped for the front of a host."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from deploy.stand.site import REPOSITORY

SITE = REPOSITORY / "deploy" / "front" / "site.conf"
AUTHORITY = REPOSITORY / "deploy" / "install" / "authority"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def test_nginx_takes_the_configuration_of_the_front(tmp_path: Path) -> None:
    # Only what differs between hosts is put in: folders, certificates, and ports that need no right of root.
    subprocess.run([str(AUTHORITY), str(tmp_path), "host=localhost"], check=True)
    text = SITE.read_text().replace("/opt/confplatform", str(REPOSITORY))
    text = text.replace("/var/log/confplatform-front", str(tmp_path))
    text = re.sub(r"ssl_certificate \S+;", f"ssl_certificate {tmp_path}/host.pem;", text)
    text = re.sub(r"ssl_certificate_key \S+;", f"ssl_certificate_key {tmp_path}/host.key;", text)
    text = re.sub(r"listen (\S*:)?(80|443)\b", r"listen \g<1>40\g<2>", text)
    (tmp_path / "site.conf").write_text(text)
    argv = [
        str(NGINX),
        "-t",
        "-e",
        "stderr",
        "-p",
        str(tmp_path),
        "-c",
        str(tmp_path / "site.conf"),
    ]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
