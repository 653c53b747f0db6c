# SPDX-License-Identifier: Apache-2.0
"""The pages: the board for everybody, one's own devices, and what is serious."""

from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import UserCreationForm
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.http import require_POST

from board.models import Notice
from supertokens.django import ProtectedRequest, SessionRequest, list_sessions, revoke_session, session_required


class NoticeForm(forms.ModelForm):
    """A new notice."""

    class Meta:
        model = Notice
        fields = ("text",)


def sign_up(request: SessionRequest) -> HttpResponse:
    """Show the form for a new user, or make one and log them in."""
    form = UserCreationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save())  # Django's own function; the session it begins is SuperTokens'
        return redirect("board")
    return render(request, "sign_up.html", {"form": form})


class Board(View):
    """The notices. Everybody reads them; whoever is logged in writes one."""

    def get(self, request: SessionRequest) -> HttpResponse:
        """Show the notices."""
        return render(request, "board.html", {"notices": Notice.objects.select_related("author"), "form": NoticeForm()})

    @method_decorator(login_required)
    def post(self, request: SessionRequest) -> HttpResponse:
        """Put up a notice."""
        form = NoticeForm(request.POST)
        if not form.is_valid():
            return render(request, "board.html", {"notices": Notice.objects.all(), "form": form}, status=422)
        Notice.objects.create(author=request.user, text=form.cleaned_data["text"])
        return redirect("board")


@session_required
def devices(request: ProtectedRequest) -> HttpResponse:
    """Show where the user is logged in."""
    return render(request, "devices.html", {"sessions": list_sessions(request.supertokens.get_user_id())})


@require_POST
@session_required
def sign_out_device(request: ProtectedRequest) -> HttpResponseRedirect:
    """End one of the user's own sessions."""
    own = {session.handle for session in list_sessions(request.supertokens.get_user_id())}
    handle = request.POST.get("handle", "")
    if handle in own:  # and nobody else's
        revoke_session(handle)
        messages.success(request, "That device is signed out.")
    return redirect("devices")


@require_POST
@session_required
def sign_out_others(request: ProtectedRequest) -> HttpResponseRedirect:
    """End all sessions of the user but this one."""
    ended = request.supertokens.revoke_other_sessions()
    messages.success(request, f"Signed out elsewhere: {len(ended)}.")
    return redirect("devices")
