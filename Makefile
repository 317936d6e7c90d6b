# SPDX-License-Identifier: Apache-2.0
# Sallyport, and everything that is done with it.
#
#   make            the programs, into $(B)/bin
#   make demo       real calls through the real gateway, told in plain words
#   make check      every test; ends with "N passed, N failed"
#   make bench      numbers, as ratios within one run; FULL=1 for every cell
#   make fuzz       the fuzz targets, for long (FUZZ_SECONDS each)
#   make soak       calls that come and go for minutes (SOAK_SECONDS)
#   make lint       clang-format, cppcheck, shellcheck
#   make deb        a Debian package, into $(B)/deb
#   make image      BOARD: the appliance's disk image and update bundle
#   make image-test starts it in QEMU, updates it, breaks it, resets it
#   make install    PREFIX, DESTDIR; uninstall takes it away again
#   make clean
#
# Variants: CC=clang, SAN=1 (ASan and UBSan), B=<folder to build in>, V=1 (show
# the commands). demo, check and bench install the packages that they need. What
# they run needs root; a user's make builds as that user and asks sudo for it.

B       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

ifeq ($(origin CC),default)
CC      := gcc
endif
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
BASE    := -std=gnu11 $(OPT) $(WARN) $(HARDEN) -I. -I$(B) -MMD -MP

# $(call pkg,cflags|libs,names): evaluated only when a recipe needs it.
pkg = $(shell pkg-config --$(1) $(2))

DPDK_C   = $(call pkg,cflags,libdpdk)
DPDK_L   = $(call pkg,libs,libdpdk)
# Without -DLINUX, IPsec-MB's gcm_key_data is not 64-octet aligned. What it needs
# of the CPU at least, SSE4.2 (as DPDK does), the backend may use.
IMB_C    = -DLINUX -msse4.2
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
CTL_SRC  := $(call srcs,control control/sip control/ng control/sdp control/keying \
              control/calls control/policy control/features control/store \
              control/http control/dataplane control/audit control/duties \
              control/trunk control/settings control/alarms control/hep control/siprec control/firmware)
# What the store needs beside itself, for tests that link it alone.
STORE_NEEDS := $(addprefix control/,trunk/settings.c trunk/number.c sip/addr.c \
              calls/media_profile.c)
SCTL_SRC := $(call srcs,control/sallyctl) control/audit/chain.c \
            control/audit/verify.c control/audit/files.c \
            control/media/seal.c
E2EE_SRC := $(call srcs,control/e2ee)

# What the fragments of tests/ add to.
CHECK_PROGRAMS   :=
CHECK_PYTEST     :=
CHECK_PYTEST_SAN := # those that the sanitizers' programs undergo as well
CHECK_QUIET      := # those of them all that only each other may run beside
CHECK_ALONE      := # those that nothing else may run beside
FUZZ_PROGRAMS    :=
BENCH_PROGRAMS   :=

PROGRAMS := $(B)/bin/sallyport-dataplane $(B)/bin/sallyport-control $(B)/bin/sallyctl

.PHONY: all
all: $(PROGRAMS)

# Packages that a build needs; says what to do where some are not there.
.PHONY: packages
packages:
	@scripts/setup --missing build

ifeq ($(V),)
say = @printf '  %-5s %s\n' $(1) $(patsubst $(B)/%,%,$(2));
endif

# Fields that are set one by one stay so: gcc would gather them in a vector, at
# the price of a shuffle for each, and what is read of it before it has reached
# the cache waits (10 ns a packet, over the walk).
ONE_BY_ONE := -fno-tree-slp-vectorize
$(B)/obj/dataplane/srtp/%.o: EXTRA = $(IMB_C) $(ONE_BY_ONE)
$(B)/obj/dataplane/app/%.o $(B)/obj/dataplane/stage/%.o \
$(B)/obj/dataplane/flow/%.o $(B)/obj/dataplane/port/%.o: \
    EXTRA = $(DPDK_C) $(ONE_BY_ONE)
$(B)/obj/control/%.o: EXTRA = $(RE_C)
$(B)/obj/control/e2ee/%.o $(B)/obj/control/sallyctl/%.o: EXTRA =
$(B)/obj/control/http/openapi.o: control/http/openapi.json

# Written anew only when it differs, so that a commit rebuilds what names it.
$(B)/version.h: FORCE
	@mkdir -p $(@D)
	@echo '#define SP_VERSION "$(VERSION)"' | cmp -s - $@ || \
	   echo '#define SP_VERSION "$(VERSION)"' >$@
.PHONY: FORCE

$(B)/obj/%.o: %.c | packages $(B)/version.h
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(BASE) $(CPPFLAGS) $(EXTRA) $(CFLAGS) -c $< -o $@

# $(1) program, $(2) sources, $(3) libraries
define program
$(B)/bin/$(1): $(call objs,$(2))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(CC) -pie $$(LDFLAGS) $$^ -Wl,-Map=$(B)/$(1).map -o $$@ $(3)
endef
$(eval $(call program,sallyport-dataplane,$(DP_SRC) $(SRTP_SRC) $(CONF_SRC),$$(DPDK_L) $$(IMB_L) -lmnl -lcyaml -lyaml))
$(eval $(call program,sallyport-control,$(CTL_SRC) $(CONF_SRC),$$(RE_L) -lsqlite3 -lsodium -lmicrohttpd -ljansson -lcyaml -lyaml -lpthread))
$(eval $(call program,sallyctl,$(SCTL_SRC),-lcurl -ljansson -lsodium))

# Shorthands to build one part while another is being changed.
.PHONY: dataplane control sallyctl e2ee
dataplane: $(B)/bin/sallyport-dataplane
control: $(B)/bin/sallyport-control
sallyctl: $(B)/bin/sallyctl
e2ee: $(call objs,$(E2EE_SRC))

-include control/endpoint/endpoint.mk
-include control/media/media.mk
-include control/console/console.mk
-include firmware/units/install.mk
-include firmware/image/image.mk
-include firmware/deb/deb.mk
include tests/tests.mk
-include $(shell find $(B) -type f -name '*.d' 2>/dev/null)

# A make of its own, as wide as the machine unless this one says how wide.
JOBS ?= $(shell nproc)
submake = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

.PHONY: demo
demo:
	@scripts/setup build demo
	@$(submake) all
	@scripts/as-root scripts/demo --build $(B) $(if $(KEEP),--keep)

# Everything is also built by the other compiler, and with the sanitizers, and
# each of those builds counts as a test. Suites run two at a time, those that
# mostly wait before those that compute; and in the end those that listen to
# calls, beside which nothing may compute.
FUZZ_SECONDS ?= 5
SAN_PROGRAMS  = $(CHECK_PROGRAMS:$(B)/%=$(B)/san/%)
LINTS        := lint-format lint-cppcheck lint-shell
# $(1) kind, $(2) suites, $(3) @BUILD. A fragment sets LIMIT_<suite>, in seconds.
suites = $(foreach s,$(2),$(1)$(if $(filter $(s),$(CHECK_ALONE)),+alone)$(if \
         $(filter $(s),$(CHECK_QUIET)),+quiet)$(LIMIT_$(s):%=:%)$(3)=$(s))

.PHONY: check check-programs check-clang check-san
check:
	@scripts/setup build demo check $(if $(WITH_IMAGE),image)
	@$(submake) all check-programs $(FUZZ_PROGRAMS)
	@scripts/as-root B=$(abspath $(B)) tests/run --tidy --fuzz-seconds $(FUZZ_SECONDS) \
	   $(addprefix make=,$(LINTS) check-clang check-san) \
	   $(call suites,pytest,$(filter-out $(CHECK_QUIET) $(CHECK_ALONE),$(CHECK_PYTEST))) \
	   $(call suites,pytest,$(CHECK_PYTEST_SAN),@$(B)/san) \
	   $(call suites,tap,$(CHECK_PROGRAMS) $(SAN_PROGRAMS)) \
	   $(call suites,fuzz,$(FUZZ_PROGRAMS)) \
	   $(call suites,pytest,$(filter $(CHECK_QUIET),$(CHECK_PYTEST))) \
	   $(call suites,pytest,$(filter $(CHECK_ALONE),$(CHECK_PYTEST))) \
	   $(if $(WITH_IMAGE),$(IMAGE_SUITES))
check-programs: $(CHECK_PROGRAMS)
check-clang:
	@$(submake) B=$(B)/clang CC=clang all check-programs
check-san:
	@$(submake) B=$(B)/san SAN=1 all check-programs

.PHONY: fuzz
fuzz:
	@scripts/setup build check
	@$(submake) $(FUZZ_PROGRAMS)
	@tests/run --fuzz-seconds $(FUZZ_SECONDS) $(call suites,fuzz,$(FUZZ_PROGRAMS))

.PHONY: bench
bench:
	@scripts/setup build bench
	@$(submake) all $(BENCH_PROGRAMS)
	@scripts/as-root scripts/bench/run --out $(B)/bench/results.json \
	   $(if $(FULL),,--quick) $(BENCH_PROGRAMS)

C_FILES     = $(shell find control dataplane tests -name '*.[ch]')
SHELL_FILES = $(shell find scripts tests firmware .ci -type f -exec awk \
                '/^\#!.*[/ ](ba)?sh$$/ {print FILENAME} {nextfile}' {} +)

.PHONY: lint $(LINTS)
lint: $(LINTS)
lint-format:
	@clang-format --dry-run -Werror $(C_FILES)
lint-cppcheck:
	@find $(B)/cppcheck ! -newer tests/cppcheck.cfg -delete 2>/dev/null || true
	@mkdir -p $(B)/cppcheck
	@cppcheck -q -j$(JOBS) --error-exitcode=1 --inline-suppr --std=c11 \
	   --cppcheck-build-dir=$(B)/cppcheck -I. --enable=warning,performance,portability \
	   --library=tests/cppcheck.cfg --suppressions-list=tests/cppcheck.txt $(filter %.c,$(C_FILES))
lint-shell:
	@shellcheck -S warning $(SHELL_FILES)

DOC := $(DESTDIR)$(PREFIX)/share/doc/sallyport

.PHONY: install uninstall
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DOC)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 README.md LICENSE scripts/sallyport.example.yaml $(DOC)
# Whatever install would put there, as a look at an install elsewhere tells.
uninstall:
	@look=$$(mktemp -d) && trap 'rm -rf "$$look"' EXIT && \
	   $(MAKE) --no-print-directory -s DESTDIR="$$look" install >/dev/null && \
	   (cd "$$look" && find . ! -type d) | while read -r file; do \
	      rm -fv "$(DESTDIR)/$$file"; done
	@find $(wildcard $(DOC) $(DESTDIR)$(PREFIX)/share/sallyport) -depth -type d -empty -delete

.PHONY: clean
clean:
	rm -rf $(B) build-*
