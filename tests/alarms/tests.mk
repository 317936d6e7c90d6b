# SPDX-License-Identifier: Apache-2.0
# Alarms: each condition by itself, and told by the API (tests/http).
$(B)/obj/tests/alarms/%.o: EXTRA = $(RE_C)
$(B)/tests/alarms_test: $(call objs,tests/alarms/alarms_test.c \
                        $(call srcs,control/alarms) control/log.c \
                        control/events.c control/certificate.c)
	@mkdir -p $(@D); $(CC) -pie $(LDFLAGS) $(filter %.o,$^) -o $@ \
	   -Wl,--wrap=tmr_jiffies,--wrap=tmr_start,--wrap=statvfs \
	   -lcmocka $(RE_L) -ljansson
CHECK_PROGRAMS += $(B)/tests/alarms_test
