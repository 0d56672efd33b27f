"""What an application and an administrator say with python-keycloak; prints what they were answered, as JSON."""

import json
import os

from keycloak import KeycloakAdmin, KeycloakOpenID
from keycloak.exceptions import KeycloakError

URL = os.environ["SERVER_URL"]
PASSWORD = os.environ["PASSWORD"]


def refused(call, *args, **kwargs):
    """The status and the words of a refusal; what was answered instead, if there was none."""
    try:
        return {"answer": call(*args, **kwargs)}
    except KeycloakError as error:
        return {"status": error.response_code, "message": str(error)}


def as_application():
    wiki = KeycloakOpenID(
        server_url=URL, realm_name="test", client_id="wiki", client_secret_key=os.environ["CLIENT_SECRET"]
    )
    token = wiki.token("alice", PASSWORD)
    refreshed = wiki.refresh_token(token["refresh_token"])
    said = {
        "issuer": wiki.well_known()["issuer"],
        "public_key": wiki.public_key(),
        "key_types": sorted({key["kty"] for key in wiki.certs()["keys"]}),
        "expires_in": token["expires_in"],
        "username": wiki.decode_token(refreshed["access_token"])["preferred_username"],
        "email": wiki.userinfo(refreshed["access_token"])["email"],
        "is_active": wiki.introspect(refreshed["access_token"])["active"],
        "logout": wiki.logout(refreshed["refresh_token"]),
        "is_active_after": wiki.introspect(refreshed["access_token"])["active"],
        "refresh_after": refused(wiki.refresh_token, refreshed["refresh_token"]),
    }
    wiki.token("alice", PASSWORD)
    return said


def as_administrator():
    admin = KeycloakAdmin(
        server_url=URL,
        username=os.environ["ADMIN_NAME"],
        password=os.environ["ADMIN_PASSWORD"],
        realm_name="test",
        user_realm_name="master",
    )
    alice = admin.get_user_id("alice")
    sessions = admin.get_sessions(alice)
    carol = admin.create_user({"username": "carol", "enabled": True})
    admin.set_user_password(carol, PASSWORD, temporary=False)
    said = {
        "usernames": sorted(user["username"] for user in admin.get_users({})),
        "clients": [sorted(session["clients"].values()) for session in sessions],
        "logout": admin.user_logout(alice),
        "sessions_after": admin.get_sessions(alice),
        "wiki": admin.get_client(admin.get_client_id("wiki"))["clientId"],
        "twice": refused(admin.create_user, {"username": "carol", "enabled": True}),
        "carol": admin.get_user(carol)["username"],
    }
    admin.connection.refresh_token()
    admin.delete_user(carol)
    said["carol_after"] = admin.get_user_id("carol")
    return said


print(json.dumps({"application": as_application(), "administrator": as_administrator()}))
