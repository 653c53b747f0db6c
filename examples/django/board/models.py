# SPDX-License-Identifier: Apache-2.0
"""What is on the board."""

from django.conf import settings
from django.db import models


class Notice(models.Model):
    """A few words that everybody may read."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    text = models.CharField(max_length=200)
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-written_at", "-pk")

    def __str__(self) -> str:
        return self.text
