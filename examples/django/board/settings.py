# SPDX-License-Identifier: Apache-2.0
"""The project's settings. What is said about sessions, and why, is at the end."""

import os
import secrets
from pathlib import Path

BASE_DIR = Path(os.environ.get("BOARD_FOLDER") or Path(__file__).parent.parent)
DEBUG = os.environ.get("BOARD_DEBUG") == "1"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

# A new key at each start is enough for development. Users are then logged out, as sessions hold a hash made with it.
SECRET_KEY = os.environ.get("BOARD_SECRET_KEY") or secrets.token_hex(32)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",  # only for messages: nobody is logged in through it
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "supertokens.django",
    "board",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "supertokens.django.SuperTokensMiddleware",  # before anything that needs the user
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "supertokens.django.auth.AuthenticationMiddleware",  # replaces Django's: request.user is the session's user
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "board.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "board.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
USE_TZ = True

LOGIN_URL = "log_in"
LOGIN_REDIRECT_URL = "board"
LOGOUT_REDIRECT_URL = "log_in"

SUPERTOKENS = {
    "renewal": "server",  # pages without JavaScript: the server renews expired tokens
    "anti_csrf": "origin",  # beside Django's own check of forms
    "login_url": "log_in",  # visitors without a session are sent there, and back after the login
    "access_token_blacklisting": True,  # logging out a device takes effect at once
}
