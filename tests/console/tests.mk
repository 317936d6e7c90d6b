# SPDX-License-Identifier: Apache-2.0
# The console in headless Chromium, beside real phones.
CHECK_PYTEST += $(sort $(wildcard tests/console/test_*.py))
