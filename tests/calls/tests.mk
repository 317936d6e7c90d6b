# SPDX-License-Identifier: Apache-2.0
# Whole calls: the real programs, real phones, three network namespaces.
CHECK_PYTEST += $(sort $(wildcard tests/calls/test_*.py))
