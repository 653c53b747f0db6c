# SPDX-License-Identifier: Apache-2.0
"""Notices in Django's admin."""

from django.contrib import admin

from board.models import Notice

admin.site.register(Notice)
