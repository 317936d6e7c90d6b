# SPDX-License-Identifier: Apache-2.0
# The control API from afar: who may what, over TLS.
CHECK_PYTEST += $(sort $(wildcard tests/http/test_*.py))
