# SPDX-License-Identifier: Apache-2.0
# Sallyport. `make demo` and `make check` do all the set-up themselves.
#
#   make            the programs, into $(B)/bin
#   make demo       a real call through the real dataplane, told in plain words
#   make check      every test; ends with "N passed, N failed"
#   make bench      numbers, as ratios within one run
#   make fuzz       the fuzz targets, for long (FUZZ_SECONDS each)
#   make lint       clang-format, cppcheck
#   make install    PREFIX, DESTDIR
#   make clean
#
# Variants: CC=clang, SAN=1 (ASan and UBSan), B=<folder to build in>.

B       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

CC      ?= gcc
OPT     ?= -O2 -g
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
           -Wmissing-prototypes -Wpointer-arith -Wvla
HARDEN  := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
            -fno-omit-frame-pointer
ifeq ($(SAN),1)
OPT     := -O1 -g
HARDEN  := -fPIE
CFLAGS  += $(SANFLAGS)
LDFLAGS += $(SANFLAGS)
endif
BASE    := -std=gnu11 $(OPT) $(WARN) $(HARDEN) -I. -MMD -MP \
           -DSP_VERSION='"$(VERSION)"'

# $(call pkg,cflags|libs,names): evaluated only when a recipe needs it.
pkg = $(shell pkg-config --$(1) $(2))

DPDK_C   = $(call pkg,cflags,libdpdk)
DPDK_L   = $(call pkg,libs,libdpdk)
# Without -DLINUX, IPsec-MB's gcm_key_data is not 64-octet aligned.
IMB_C    = -DLINUX
IMB_L    = -lIPSec_MB
# libre's pkg-config file leaves these out.
RE_C     = $(call pkg,cflags,libre) -DHAVE_INTTYPES_H -DHAVE_STDBOOL_H \
           -DHAVE_INET6 -DUSE_OPENSSL
RE_L     = -lre -lssl -lcrypto -lz -lresolv

srcs = $(sort $(foreach d,$(1),$(wildcard $(d)/*.c)))
objs = $(patsubst %.c,$(B)/obj/%.o,$(1))

SRTP_SRC := $(filter-out dataplane/srtp/backend_libsrtp2.c,$(call srcs,dataplane/srtp))
CONF_SRC := $(call srcs,dataplane/abi)
DP_SRC   := $(call srcs,dataplane/app dataplane/stage dataplane/flow dataplane/port)
CTL_SRC  := $(call srcs,control control/sip control/sdp control/keying \
              control/calls control/policy control/features control/store \
              control/http control/dataplane)
SCTL_SRC := $(call srcs,control/sallyctl)
E2EE_SRC := $(call srcs,control/e2ee)

PROGRAMS := $(B)/bin/sallyport-dataplane $(B)/bin/sallyport-control $(B)/bin/sallyctl

.PHONY: all
all: $(PROGRAMS)

$(B)/obj/dataplane/srtp/%.o: EXTRA = $(IMB_C)
$(B)/obj/dataplane/app/%.o $(B)/obj/dataplane/stage/%.o \
$(B)/obj/dataplane/flow/%.o $(B)/obj/dataplane/port/%.o: EXTRA = $(DPDK_C)
$(B)/obj/control/%.o: EXTRA = $(RE_C)
$(B)/obj/control/e2ee/%.o $(B)/obj/control/sallyctl/%.o: EXTRA =

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CPPFLAGS) $(EXTRA) $(CFLAGS) -c $< -o $@

# $(1) program, $(2) sources, $(3) libraries
define program
$(B)/bin/$(1): $(call objs,$(2))
	@mkdir -p $$(@D)
	$$(CC) -pie $$(LDFLAGS) $$^ -Wl,-Map=$(B)/$(1).map -o $$@ $(3)
endef
$(eval $(call program,sallyport-dataplane,$(DP_SRC) $(SRTP_SRC) $(CONF_SRC),$$(DPDK_L) $$(IMB_L) -lmnl -lcyaml -lyaml))
$(eval $(call program,sallyport-control,$(CTL_SRC) $(CONF_SRC),$$(RE_L) -lsqlite3 -lsodium -lmicrohttpd -ljansson -lcyaml -lyaml -lpthread))
$(eval $(call program,sallyctl,$(SCTL_SRC),-lcurl -ljansson))

# Shorthands to build one part while another is being changed.
.PHONY: dataplane control sallyctl e2ee
dataplane: $(B)/bin/sallyport-dataplane
control: $(B)/bin/sallyport-control
sallyctl: $(B)/bin/sallyctl
e2ee: $(call objs,$(E2EE_SRC))

include tests/tests.mk

.PHONY: clean
clean:
	rm -rf $(B) build-*

-include $(shell find $(B) -name '*.d' 2>/dev/null)
