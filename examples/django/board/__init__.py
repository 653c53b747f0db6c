# SPDX-License-Identifier: Apache-2.0
"""A notice board behind a login: Django's users, forms and admin, on sessions of `supertokens.django`."""
