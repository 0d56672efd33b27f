from django.urls import include, path

from portal_site import views

urlpatterns = [
    path("", views.home),
    path("state", views.state),
    path("sign-in", views.sign_in),
    path("sign-out", views.sign_out),
    path("logout", views.keycloak_logout, name="keycloak_logout"),
    path("oidc/", include("mozilla_django_oidc.urls")),
    path("application.css", views.style),
    path("application.js", views.script),
    path("look.css", views.colour),
]
