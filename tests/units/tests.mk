# SPDX-License-Identifier: Apache-2.0
# The systemd units: what they grant, and that it is enough.
CHECK_PYTEST += $(sort $(wildcard tests/units/test_*.py))
