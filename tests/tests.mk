# SPDX-License-Identifier: Apache-2.0
# How each test program is built: included by the Makefile.
# Each group has a fragment of its own beside this one: tests/*/tests.mk.
include $(wildcard tests/*/tests.mk)

# The programs themselves, built with the sanitizers, get everything that is
# short: each port, each front door, calls that are refused and that crash.
CHECK_PYTEST_SAN += $(filter tests/port/% tests/media/% tests/sip/% tests/e2gw/% tests/ng/test_ng.py \
    tests/calls/test_refusals.py tests/calls/test_crashes.py,$(CHECK_PYTEST))
