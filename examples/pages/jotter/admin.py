# SPDX-License-Identifier: Apache-2.0
"""What only admins may do. The role is in the access token, so that asking for it costs nothing."""

from __future__ import annotations

from contextlib import suppress

import click
from flask import Blueprint, abort, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from jotter import users
from jotter.users import Role
from supertokens.flask import (
    Session,
    SuperTokensUnauthorisedError,
    get_all_session_handles_for_user,
    get_jwt_payload,
    revoke_all_sessions_for_user,
    supertokens_middleware,
    update_jwt_payload,
)

pages = Blueprint("admin", __name__, url_prefix="/admin")


@pages.before_request  # for every view of the blueprint, including any added later
@supertokens_middleware
def admit_admins_only() -> None:
    session: Session = g.supertokens
    if session.get_jwt_payload().get("role") != "admin":
        abort(403)


@pages.get("/")
def everybody() -> ResponseReturnValue:
    rows = [(user, len(get_all_session_handles_for_user(user.id))) for user in users.everybody()]
    return render_template("admin.html", rows=rows)


@pages.post("/<user_id>/log-out")
def log_out_user(user_id: str) -> ResponseReturnValue:
    ended = revoke_all_sessions_for_user(user_id)
    flash(f"Sessions ended: {len(ended)}.")
    return redirect(url_for("admin.everybody"), 303)


@pages.cli.command("set-role")
@click.argument("name")
@click.argument("role", type=click.Choice(["member", "admin"]))
def set_role(name: str, role: Role) -> None:
    """Give a user a role, which counts from the user's next request on."""
    user = users.by_name(name)
    if user is None:
        raise click.ClickException(f"there is no user {name!r}")
    users.set_role(user, role)
    for handle in get_all_session_handles_for_user(user.id):
        with suppress(SuperTokensUnauthorisedError):  # it has ended in the meantime
            update_jwt_payload(handle, get_jwt_payload(handle) | {"role": role})
    click.echo(f"{user.name} is {role}.")
