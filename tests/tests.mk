# SPDX-License-Identifier: Apache-2.0
# How each test program is built: included by the Makefile.
# Each group has a fragment of its own beside this one: tests/*/tests.mk.
include $(wildcard tests/*/tests.mk)
