# SPDX-License-Identifier: Apache-2.0
# The board files, and the scripts that write and read them.
CHECK_PYTEST += $(sort $(wildcard tests/boards/test_*.py))
