"""Runs `pip install` and shows how far it is: a bar over the packages named in the requirements."""

import subprocess
import sys
from pathlib import Path

WIDTH = 30


def main() -> int:
    requirements = Path(sys.argv[1])
    total = sum(1 for line in requirements.read_text("utf-8").splitlines() if "==" in line and not line.startswith(" "))
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--require-hashes",
        "-r",
        sys.argv[1],
    ]
    pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert pip.stdout is not None
    seen, tail = 0, []
    for line in pip.stdout:
        tail = [*tail[-30:], line]
        if line.startswith(("Collecting ", "Requirement already satisfied")):
            seen += 1
            show(seen, total, "collecting packages")
        elif line.startswith("Installing collected"):
            show(total, total, "installing them")
    if pip.wait() != 0:
        sys.stdout.write("\n" + "".join(tail))
    else:
        show(total, total, "installed")
        sys.stdout.write("\n")
    return pip.returncode


def show(done: int, total: int, what: str) -> None:
    """One line that is written over again; a plain line now and then where nobody watches."""
    filled = WIDTH * min(done, total) // max(total, 1)
    text = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {min(done, total)}/{total} {what}"
    if sys.stdout.isatty():
        sys.stdout.write(f"\r{text}\x1b[K")
    elif done % 25 == 0 or done >= total:
        sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
