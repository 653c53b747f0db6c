# SPDX-License-Identifier: Apache-2.0
"""Which page is where."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import path

from board import views

urlpatterns = [
    path("", views.Board.as_view(), name="board"),
    path("signup", views.sign_up, name="sign_up"),
    path("login", auth.LoginView.as_view(template_name="log_in.html"), name="log_in"),
    path("logout", auth.LogoutView.as_view(), name="log_out"),
    path(
        "password",
        auth.PasswordChangeView.as_view(template_name="password.html", success_url="/devices"),
        name="password",
    ),
    path("devices", views.devices, name="devices"),
    path("devices/sign-out", views.sign_out_device, name="sign_out_device"),
    path("devices/sign-out-others", views.sign_out_others, name="sign_out_others"),
    path("admin/", admin.site.urls),
]
