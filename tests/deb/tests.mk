# SPDX-License-Identifier: Apache-2.0
# The Debian package: installed, upgraded and purged.
CHECK_PYTEST += tests/deb/test_deb.py
