# SPDX-License-Identifier: Apache-2.0
"""The tests of `examples/django`, which run inside of it."""

from __future__ import annotations

from typing import Any

from board.models import Notice
from django.contrib.auth.models import User
from django.test import TestCase, override_settings

from supertokens.django import list_sessions, revoke_all_sessions_for_user
from supertokens.django.test import Client, forget_sessions

PASSWORD = "correct horse battery"
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}


def browser() -> Client:
    return Client(headers=PAGE)


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
class BoardTest(TestCase):
    """What visitors, users and admins meet."""

    client: Any
    client_class = Client

    def setUp(self) -> None:
        forget_sessions()
        self.ada = User.objects.create_superuser("ada", password=PASSWORD)
        self.client = browser()

    def log_in(self, client: Client, **fields: str) -> Any:
        return client.post("/login", {"username": "ada", "password": PASSWORD, **fields})

    def test_everybody_reads_and_users_write(self) -> None:
        assert self.client.get("/").status_code == 200
        assert self.client.post("/", {"text": "hello"})["Location"] == "/login?next=/"
        assert self.log_in(self.client, next="/")["Location"] == "/"
        assert self.client.post("/", {"text": "hello"}).status_code == 302
        assert self.client.post("/", {"text": ""}).status_code == 422
        assert "hello" in browser().get("/").content.decode()
        assert Notice.objects.get().author == self.ada

    def test_a_page_that_needs_a_session_is_come_back_to(self) -> None:
        sent = self.client.get("/devices")
        assert (sent.status_code, sent["Location"]) == (303, "/login?next=%2Fdevices")
        assert self.log_in(self.client, next="/devices")["Location"] == "/devices"
        assert self.log_in(browser(), next="https://evil.example")["Location"] == "/"

    def test_who_signs_up_is_logged_in_and_who_logs_out_is_out(self) -> None:
        form = {"username": "bob", "password1": "a long password", "password2": "a long password"}
        assert self.client.post("/signup", form).status_code == 302
        assert self.client.get("/devices").status_code == 200
        self.client.post("/logout")
        assert self.client.get("/devices").status_code == 303

    def test_one_signs_out_ones_own_devices_and_nobody_elses(self) -> None:
        other, bobs = browser(), browser()
        for client in (self.client, other):
            self.log_in(client)
        bob = User.objects.create_user("bob", password=PASSWORD)
        bobs.force_login(bob)
        [theirs] = list_sessions(str(bob.pk))
        self.client.post("/devices/sign-out", {"handle": theirs.handle})
        assert bobs.get("/devices").status_code == 200
        handles = {each.handle for each in list_sessions(str(self.ada.pk))}
        shown = other.get("/devices").content.decode()
        assert [handle in shown for handle in handles].count(True) == 1, shown
        self.client.post("/devices/sign-out-others")
        assert (self.client.get("/devices").status_code, other.get("/devices").status_code) == (200, 303)

    def test_another_password_keeps_this_device_only(self) -> None:
        other = browser()
        for client in (self.client, other):
            self.log_in(client)
        form = {"old_password": PASSWORD, "new_password1": "staple staple", "new_password2": "staple staple"}
        assert self.client.post("/password", form)["Location"] == "/devices"
        assert "ada" in self.client.get("/").content.decode()
        assert "Log in" in other.get("/").content.decode()

    def test_the_admin_is_left_by_a_log_out_everywhere(self) -> None:
        self.log_in(self.client)
        assert self.client.get("/admin/").status_code == 200
        revoke_all_sessions_for_user(str(self.ada.pk))
        assert self.client.get("/admin/").status_code == 302
