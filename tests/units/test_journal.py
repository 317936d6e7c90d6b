# SPDX-License-Identifier: Apache-2.0
"""What an operator finds in the journal: a real journald, the units as they are
installed, one call."""

from lab import wire
from lab.process import wait_until
from test_first_light import PLAIN, SHA1_80, two_phones

CONTROL = "sallyport-control"


def test_a_call_by_its_id(with_journal, sounds):
    journal = with_journal.manager.journal
    capture = with_journal.capture("hq")
    alice, bob = two_phones(with_journal, sounds, {"alice": PLAIN, "bob": SHA1_80})
    alice.call(bob)
    (call,) = with_journal.ctl_json("calls")
    alice.hang_up()
    bob.wait_end()
    mine = wait_until("its lines", 10,
                      lambda: journal(f"CALL_ID={call['id']}"))
    for line in mine:
        assert line["_SYSTEMD_UNIT"] == f"{CONTROL}.service"
        assert line["SYSLOG_IDENTIFIER"] == CONTROL
        assert line["_TRANSPORT"] == "journal"
        assert line["PRIORITY"] in "3467"
        # the id is in its field, and not in the text as well
        assert "[call" not in line["MESSAGE"]
    # others' lines have no such field
    every = journal(f"_SYSTEMD_UNIT={CONTROL}.service")
    assert [x for x in every if "CALL_ID" not in x]
    # and no key is in any of them
    whole = " ".join(x["MESSAGE"] for x in journal())
    keys = wire.hop_keys(capture.stop(), with_journal.sides["hq"].gateway)
    assert all(keys) and not any(k.inline in whole for k in keys)


def test_an_alarm_by_its_name(with_journal):
    """The dataplane is away for longer than from one look to the next: a warning
    that can be filtered for, and what systemd says of it beside."""
    m = with_journal.manager
    m.ctl("stop", "sallyport-dataplane")
    found = wait_until("the alarm", 20, lambda: m.journal(
        "SALLYPORT_EVENT=alarm-raised"))
    assert found[0]["PRIORITY"] == "4"
    assert "dataplane-away" in found[0]["MESSAGE"]
    with_journal.start_dataplane()
    assert wait_until("its end", 30, lambda: m.journal(
        "SALLYPORT_EVENT=alarm-cleared"))
    # the dataplane writes to stderr: its lines have a level as well
    lines = m.journal("_SYSTEMD_UNIT=sallyport-dataplane.service",
                      "_TRANSPORT=stdout")
    assert lines and not [x for x in lines if x["MESSAGE"].startswith("<")]
