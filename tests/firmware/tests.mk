# SPDX-License-Identifier: Apache-2.0
# Updates: with a real RAUC, as far as it goes without device mapper.
CHECK_PYTEST += $(sort $(wildcard tests/firmware/test_*.py))
CHECK_PYTEST_SAN += $(addprefix tests/firmware/,test_api.py test_uploads.py)
