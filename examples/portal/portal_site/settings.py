"""Django with mozilla-django-oidc, set up as its documentation and countless articles show it."""

import os
import secrets
from pathlib import Path

ISSUER = os.environ.get("ISSUER", "http://localhost:8080/realms/demo")
PORT = int(os.environ.get("PORT", "8084"))
BASE_URL = os.environ.get("BASE_URL", f"http://localhost:{PORT}").rstrip("/")
# The demo's start page, which alone may read /state from another origin.
START_PAGE = os.environ.get("START_PAGE", "")
DATA_DIR = Path(os.environ["DATA_DIR"])


def kept_secret_key() -> str:
    """The same after a restart, so that sessions outlive it."""
    file = DATA_DIR / "secret-key"
    if not file.exists():
        file.write_text(secrets.token_urlsafe(48))
    return file.read_text()


SECRET_KEY = kept_secret_key()
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "portal_site.urls"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "portal.sqlite"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "mozilla_django_oidc",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = ["mozilla_django_oidc.auth.OIDCAuthenticationBackend"]
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

# Cookies belong to a host, not to a port: every application on localhost needs names of its own.
SESSION_COOKIE_NAME = "portal"
# Django's default is two weeks. The server can only say when its own session would have ended (10 hours in the demo),
# so an application that cannot be told should not live longer.
SESSION_COOKIE_AGE = 8 * 60 * 60
CSRF_COOKIE_NAME = "portal_csrf"

OIDC_RP_CLIENT_ID = os.environ.get("CLIENT_ID", "portal")
OIDC_RP_CLIENT_SECRET = os.environ["CLIENT_SECRET"]
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_RP_SCOPES = "openid email profile"
OIDC_STORE_ID_TOKEN = True

ENDPOINTS = f"{ISSUER}/protocol/openid-connect"
OIDC_OP_AUTHORIZATION_ENDPOINT = os.environ.get("AUTHORIZATION_ENDPOINT", f"{ENDPOINTS}/auth")
OIDC_OP_TOKEN_ENDPOINT = os.environ.get("TOKEN_ENDPOINT", f"{ENDPOINTS}/token")
OIDC_OP_USER_ENDPOINT = os.environ.get("USER_ENDPOINT", f"{ENDPOINTS}/userinfo")
OIDC_OP_JWKS_ENDPOINT = os.environ.get("JWKS_ENDPOINT", f"{ENDPOINTS}/certs")
OIDC_OP_LOGOUT_ENDPOINT = os.environ.get("LOGOUT_ENDPOINT", f"{ENDPOINTS}/logout")

# The setting names a function that returns an address. The articles of 2020 name their view here, which answers a
# redirect instead: LOGOUT_URL_METHOD=portal_site.views.keycloak_logout shows what comes of it.
OIDC_OP_LOGOUT_URL_METHOD = os.environ.get("LOGOUT_URL_METHOD", "portal_site.views.server_logout_address")
