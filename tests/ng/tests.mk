# SPDX-License-Identifier: Apache-2.0
# The ng door: over the dataplane that only says yes, and with a real Kamailio.
CHECK_PYTEST += $(sort $(wildcard tests/ng/test_*.py))
