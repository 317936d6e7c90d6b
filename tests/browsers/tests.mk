# SPDX-License-Identifier: Apache-2.0
# Chromium as a phone. node and npm; what npm installs lies in the build folder.
CHECK_PYTEST += $(sort $(wildcard tests/browsers/test_*.py))
# Two of them take both cores; calls beside them would be heard in pieces.
CHECK_ALONE += $(wildcard tests/browsers/test_*.py)
# Each waits until it hears what it should; a busy machine lets it wait.
LIMIT_tests/browsers/test_browsers.py := 900
