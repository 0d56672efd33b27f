"""The portal's own pages, and its two ways out."""

from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

LOOK = Path(__file__).resolve().parents[2] / "application"


@never_cache
def home(request):
    return render(request, "home.html")


@never_cache
def state(request):
    person = request.user
    answer = JsonResponse({"signedIn": person.is_authenticated, "name": getattr(person, "email", "")})
    if settings.START_PAGE and request.headers.get("Origin") == settings.START_PAGE:
        answer["Access-Control-Allow-Origin"] = settings.START_PAGE
        answer["Access-Control-Allow-Credentials"] = "true"
    return answer


def keycloak_logout(request):
    """As in the articles of 2020: end Django's session, then send the browser to the server's.

    `redirect_uri` is the parameter of Keycloak before 18. It names no application and proves nothing, so the
    server asks the person whether to sign out.
    """
    logout(request)
    query = urlencode({"redirect_uri": request.build_absolute_uri("/")})
    return redirect(f"{settings.OIDC_OP_LOGOUT_ENDPOINT}?{query}")


def server_logout_address(request):
    """For OIDC_OP_LOGOUT_URL_METHOD: the address at which the server ends its session (RP-Initiated Logout 1.0 §2).

    Called before Django's session ends, so the ID Token is still there. It proves who asks, so nothing is asked.
    """
    query = urlencode(
        {
            "client_id": settings.OIDC_RP_CLIENT_ID,
            "id_token_hint": request.session.get("oidc_id_token", ""),
            "post_logout_redirect_uri": request.build_absolute_uri("/"),
        }
    )
    return f"{settings.OIDC_OP_LOGOUT_ENDPOINT}?{query}"


def sign_in(request):
    return redirect("oidc_authentication_init")


@require_POST
def sign_out(request):
    """The button: the article's way."""
    return keycloak_logout(request)


def style(request):
    return HttpResponse((LOOK / "application.css").read_bytes(), content_type="text/css")


def colour(request):
    return HttpResponse(":root { --colour: #8a4b14 }\n", content_type="text/css")


def script(request):
    return HttpResponse((LOOK / "page.js").read_bytes(), content_type="text/javascript")
