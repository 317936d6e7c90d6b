# SPDX-License-Identifier: Apache-2.0
# The fork of calls' audio to a recorder: what the metadata say, and whole calls.
SIPREC_TEST := $(B)/tests/metadata_test
$(B)/obj/tests/siprec/%.o: EXTRA = $(RE_C)
$(SIPREC_TEST): $(call objs,tests/siprec/metadata_test.c control/siprec/metadata.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $(filter %.o,$^) -o $@ -lcmocka $(RE_L) -lsodium
# What is refused, of calls that are forked, told so, or subscribed to.
REFUSED_TEST := $(B)/tests/refused_test
$(REFUSED_TEST): $(call objs,tests/siprec/refused_test.c control/log.c \
                 $(addprefix control/calls/,fork.c notice.c subscription.c))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $(filter %.o,$^) -o $@ -lcmocka $(RE_L) -lsodium \
	   -ljansson
CHECK_PROGRAMS += $(SIPREC_TEST) $(REFUSED_TEST)
CHECK_PYTEST += $(sort $(wildcard tests/siprec/test_*.py))
CHECK_QUIET += tests/siprec/test_siprec.py # each speaker is heard with care
