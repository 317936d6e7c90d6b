# SPDX-License-Identifier: Apache-2.0
# The endpoint as processes: calls through a relay, and with phones behind it.
CHECK_PYTEST += $(sort $(wildcard tests/endpoint/test_*.py))
