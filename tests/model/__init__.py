# SPDX-License-Identifier: Apache-2.0
"""An exhaustive model check of the rules of rotation and renewal (docs/how-it-works.md), on the engine's own functions.

From the bottom up:

    rules, variants            the product's tables, asked in small numbers; the same with one clause away
    state, serials             what is where; one name for all states that differ only in how far serials have counted
    browser, network, server, disasters -> honest      everything that can happen to one honest browser
    thief -> turns             a victim and a thief; how many turns they can take
    protocol1 -> serial_vs_protocol1                   W = 0 beside the old protocol
    polling                    a simulation: how long a polling thief stays unseen
    pages_rules, pages_variants                        the rules of renewal by the server; the same with one away
    pages_state, pages_browser, pages_server -> pages  one honest browser without script, whose requests may each renew
    pages_doors, pages_thieves                         log-out and log-in under way; thieves where pages renew
    pages_fleet                                        a simulation: thousands of such browsers in real time
    fleet                      a simulation: thousands of honest browsers without a lock, in real time
    lives                      every use of one stolen access token, on the core itself
    explore, story             breadth-first search; a counterexample as a numbered story
    check -> checks_* -> catalogue                     every claim as a sentence, with what its search must find

``pytest tests/model`` runs CI's share. ``python -m tests.model`` runs everything, ``python -m tests.model broken``
one group, with the stories; the exit status is 1 if a search finds anything else than the claim says.
"""
