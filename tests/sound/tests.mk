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

# libFuzzer: clang only; the sources once more, instrumented.
SOUND_FUZZ := $(B)/fuzz/sound $(B)/fuzz/sound_request
$(SOUND_FUZZ): $(B)/fuzz/%: tests/fuzz/%.c $(SOUND_LIB) \
               $(wildcard control/media/*.h) | $(B)/version.h
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)clang -std=gnu11 -O1 -g $(WARN) -I. -I$(B) \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined \
		$(call pkg,cflags,$(PLAIN_LIBS)) $(filter %.c,$^) -o $@ $(SOUND_L)
FUZZ_PROGRAMS += $(SOUND_FUZZ)

$(B)/obj/tests/bench/sound_bench.o: EXTRA = $(call pkg,cflags,$(PLAIN_LIBS))
$(B)/bench/sound_bench: $(call objs,tests/bench/sound_bench.c $(SOUND_LIB))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ $(SOUND_L)
BENCH_PROGRAMS += $(B)/bench/sound_bench
