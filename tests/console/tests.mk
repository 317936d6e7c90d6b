# SPDX-License-Identifier: Apache-2.0
# The console in headless Chromium, beside real phones.
CHECK_PYTEST += $(sort $(wildcard tests/console/test_*.py))
# It watches a real call, which a browser beside it keeps from its cores.
CHECK_ALONE += tests/console/test_live.py
