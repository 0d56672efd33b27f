"""Starts the portal. Makes its virtual environment first, where there is none.

    python3 start.py             prepare if needed, then serve
    python3 start.py --prepare   prepare only

Needs Python 3.10 or newer. Settings come from the environment: ISSUER, CLIENT_ID, CLIENT_SECRET, PORT, BASE_URL
and DATA_DIR (a temporary folder if it is not set).
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
ENVIRONMENT = HERE / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"


def is_prepared() -> bool:
    mark = ENVIRONMENT / "requirements.sha256"
    return PYTHON.exists() and mark.exists() and mark.read_text() == wanted_mark()


def wanted_mark() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return hashlib.sha256(REQUIREMENTS.read_bytes() + version.encode()).hexdigest()


def prepare() -> None:
    print("Portal: making its virtual environment (once)", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--requirement", str(REQUIREMENTS)], check=True)
    (ENVIRONMENT / "requirements.sha256").write_text(wanted_mark())


def serve() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal_site.settings")
    sys.path.insert(0, str(HERE))

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    print(f"Portal: {django.conf.settings.BASE_URL}", flush=True)
    call_command("runserver", f"127.0.0.1:{django.conf.settings.PORT}", "--noreload", "--skip-checks")


def main() -> None:
    if sys.version_info < (3, 10):
        sys.exit("The portal needs Python 3.10 or newer.")
    if Path(sys.prefix).resolve() == ENVIRONMENT.resolve():
        return serve()
    if not is_prepared():
        prepare()
    if "--prepare" in sys.argv[1:]:
        return None
    if "DATA_DIR" in os.environ:
        os.execv(PYTHON, [str(PYTHON), __file__])
    with tempfile.TemporaryDirectory(prefix="portal-") as folder:
        os.environ["DATA_DIR"] = folder
        sys.exit(subprocess.run([str(PYTHON), __file__], check=False).returncode)


if __name__ == "__main__":
    main()
