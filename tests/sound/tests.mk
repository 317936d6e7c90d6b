# SPDX-License-Identifier: Apache-2.0
# sallyport-media: sound through the engine, and what is made of it.
SOUND_LIB := $(filter-out control/media/main.c,$(PLAIN_SRC)) control/log.c $(CONF_SRC)
SOUND_L    = $(PLAIN_L) -lcyaml -lyaml

$(B)/obj/tests/sound/%.o: EXTRA = $(call pkg,cflags,$(PLAIN_LIBS))
SOUND_TESTS := $(patsubst tests/sound/%.c,$(B)/tests/%,$(wildcard tests/sound/*_test.c))
$(SOUND_TESTS): $(B)/tests/%: $(B)/obj/tests/sound/%.o \
                $(call objs,tests/sound/lab.c tests/sound/unseal.c $(SOUND_LIB))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka $(SOUND_L)
CHECK_PROGRAMS += $(SOUND_TESTS)
CHECK_PYTEST += tests/sound/test_media.py
CHECK_PYTEST_SAN += tests/sound/test_media.py
