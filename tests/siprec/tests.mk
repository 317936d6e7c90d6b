# SPDX-License-Identifier: Apache-2.0
# The fork of calls' audio to a recorder: what the metadata say, and whole calls.
SIPREC_TEST := $(B)/tests/metadata_test
$(B)/obj/tests/siprec/%.o: EXTRA = $(RE_C)
$(SIPREC_TEST): $(call objs,tests/siprec/metadata_test.c control/siprec/metadata.c)
	@mkdir -p $(@D)
	$(CC) -pie $(LDFLAGS) $(filter %.o,$^) -o $@ -lcmocka $(RE_L) -lsodium
CHECK_PROGRAMS += $(SIPREC_TEST)
CHECK_PYTEST += $(sort $(wildcard tests/siprec/test_*.py))
CHECK_ALONE += tests/siprec/test_siprec.py # each speaker is heard with care
