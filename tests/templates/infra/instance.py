from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

IMAGE = "debian:bookworm-slim"
HOST_SETUP = Path(__file__).parents[3] / "service/llm_service/node/host_setup.sh"

# What a command of an instance does here: it records its call, and fails where it is told to.
_RECORD = r"""#!/bin/bash
call="$(basename "$0") $*"
echo "$call" >>/calls
if [ -n "$FAILING" ] && [[ "$call" == *"$FAILING"* ]]; then
  echo "$FAILING fails here" >&2
  exit 9
fi
"""
_DOUBLES = {
    "amazon-linux-extras": "ln -sf /doubles/docker.later /usr/bin/docker",
    "dnf": "ln -sf /doubles/docker.later /usr/bin/docker",
    "sleep": "",
    "dd": "echo swap >/swapfile",
    "mkswap": "",
    "swapon": "",
    "systemctl": "",
    "systemd-tmpfiles": "mkdir -p /run/llm-service /run/llm-service-secrets",
    "aws": """case "$*" in
*get-login-password*) echo secret ;;
*get-secret-value*) echo '{"certificate": "C", "private-key": "K"}' ;;
esac""",
    "curl": """case "$*" in
*api/token*) echo token ;;
*instance-id*) [ -z "$NO_IDENTITY" ] && echo i-0123456789abcdef0 ;;
esac
exit 0""",
    # Small memory, whatever this machine has.
    "awk": r"""if [ "${!#}" = /proc/meminfo ]; then
  echo "MemTotal: $MEMORY_KIB kB" | /usr/bin/mawk "$1"
  exit
fi
exec /usr/bin/mawk "$@" """,
}
_DOCKER = """case "$*" in
login*) cat >/dev/null ;;
*host_setup.sh*) cat /doubles/host_setup.sh ;;
esac"""


@dataclass
class Boot:
    """What an instance did at its first boot.

    Attributes:
        status: Exit status of the user data.
        output: What it said.
        calls: Commands that it ran, in order.
        files: Files that it wrote, by path.
    """

    status: int
    output: str
    calls: list[str]
    files: dict[str, str] = field(default_factory=dict)

    def called(self, text: str) -> list[str]:
        """Returns the calls that contain a text."""
        return [call for call in self.calls if text in call]


def boot(
    folder: Path,
    script: str,
    *,
    failing: str = "",
    amazon_linux: int = 2023,
    memory_gib: float = 1,
    boots: int = 1,
    identity: bool = True,
) -> Boot:
    """Runs user data in a bare Debian container whose AWS, Docker and systemd only record.

    Args:
        folder: Empty folder for the doubles and the results.
        script: The rendered user data.
        failing: Part of the command line that fails, every time.
        amazon_linux: 2023, or 2, which has no dnf.
        memory_gib: Memory that the machine seems to have.
        boots: How often the script runs.
        identity: Whether the metadata service says who the instance is.
    """
    doubles, results = folder / "doubles", folder / "results"
    doubles.mkdir(parents=True)
    results.mkdir()
    for name, body in {**_DOUBLES, "docker.later": _DOCKER}.items():
        if name == "dnf" and amazon_linux == 2:
            continue
        record = _RECORD.replace('$(basename "$0")', "docker") if "docker" in name else _RECORD
        (doubles / name).write_text(f"{record}{body}\n")
        (doubles / name).chmod(0o755)
    (doubles / "host_setup.sh").write_text(HOST_SETUP.read_text())
    (folder / "user_data.sh").write_text(script)
    runs = "; ".join(["bash /user_data.sh; status=$?"] * boots)
    # Docker's engine makes the socket and these folders on an instance; the image has none.
    command = (
        "mkdir -p /etc/systemd/system /etc/tmpfiles.d /etc/logrotate.d; touch /calls; "
        f"{runs}; cp -r /etc/llm-service /etc/systemd/system /etc/tmpfiles.d /etc/logrotate.d "
        "/usr/local/bin /calls /etc/fstab /results/ 2>/dev/null; chmod -R a+rX /results; "
        "exit $status"
    )
    environment = {
        "FAILING": failing,
        "NO_IDENTITY": "" if identity else "1",
        "MEMORY_KIB": str(int(memory_gib * 1024 * 1024)),
        "PATH": "/doubles:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    done = subprocess.run(
        [
            "docker", "run", "--rm", "--network", "none",
            *(part for item in environment.items() for part in ("-e", "=".join(item))),
            "-v", f"{doubles}:/doubles:ro", "-v", f"{results}:/results",
            "-v", f"{folder / 'user_data.sh'}:/user_data.sh:ro",
            IMAGE, "bash", "-c", command,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    files = {
        str(path.relative_to(results)): path.read_text()
        for path in sorted(results.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    calls = files.pop("calls", "").splitlines()
    return Boot(done.returncode, done.stdout + done.stderr, calls, files)
