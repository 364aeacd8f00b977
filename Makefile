# statsd: see `make help`.  One build directory per compiler and sanitizer set, so that they never mix.
CC      ?= cc
SAN     ?=
comma   := ,
VARIANT := $(strip $(filter-out cc,$(notdir $(firstword $(CC)))) $(if $(SAN),san-$(subst $(comma),-,$(SAN))))
empty   :=
B       ?= build$(if $(VARIANT),/$(subst $(empty) ,-,$(VARIANT)))
PREFIX  ?= /usr/local
DESTDIR ?=
PYTHON  := /usr/bin/python3# Debian's: the test packages come from Debian, whatever stands first in PATH

ROOMS    := base protocol aggregate tls listen sinks http expose api web send mirror takeover sandbox capture config core explain state cluster app cmd
LIBS     := libuv hiredis libmicrohttpd inih jansson zlib libxxhash yaml-0.1 libpcre2-8 libzstd gnutls libseccomp libpcap ncursesw
VERSION  := 0.1.0
COMMIT   := $(shell git describe --always --dirty --exclude '*' --abbrev=12 2>/dev/null || echo unknown)

WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wvla -Wformat=2 \
            -Wundef -Wwrite-strings -Wcast-qual $(if $(WERROR),-Werror)
PKGFLAGS := $(shell command -v $(firstword $(CC)) >/dev/null && pkg-config --cflags $(LIBS) 2>/dev/null)
# Not empty when the compiler or one of these is not found: said before a compiler stumbles over a header.
LACKING  := $(if $(filter-out 0,$(.SHELLSTATUS)),$(LIBS))
PKGLIBS  := $(shell pkg-config --libs $(LIBS) 2>/dev/null)
CFLAGS   ?= -O2 -g
# What the compiler does about mistakes of ours.  CFLAGS come after it, and so can take each of it back.  The fortified functions of
# the C library need the optimizer, and know nothing of sanitizers.  CET and its like are the machine's; others have neither.  Clang has
# no probes of the stack on aarch64.
MACHINE  := $(shell command -v $(firstword $(CC)) >/dev/null && $(CC) -dumpmachine 2>/dev/null)
HARDEN   := -fPIE -fstack-protector-strong $(if $(and $(findstring aarch64-,$(MACHINE)),$(findstring clang,$(CC))),,-fstack-clash-protection) \
            $(if $(filter x86_64-%,$(MACHINE)),-fcf-protection) $(if $(filter aarch64-%,$(MACHINE)),-mbranch-protection=standard) \
            $(if $(SAN),,$(if $(filter -O1 -O2 -O3 -Os,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
HARDEN_LD := -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
ALLFLAGS  = -std=c11 -D_GNU_SOURCE $(WARN) $(HARDEN) $(CFLAGS) $(SANFLAGS) -Iinclude -Isrc $(PKGFLAGS) -MMD -MP
LDLIBS   := $(PKGLIBS) -lcrypt -lpthread -lm

SRC      := $(sort $(wildcard $(ROOMS:%=src/%/*.c) $(ROOMS:%=src/%/*/*.c)))
LIB_OBJ  := $(patsubst %.c,$(B)/obj/%.o,$(filter-out src/cmd/main.c,$(SRC)))
UNIT     := $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c)))
PROP     := $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/prop/test_*.c)))
CONFORM  := $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/conformance/test_*.c)))
# ThreadSanitizer has nothing to see where there is one thread: in what these rooms and laws do, unless a test starts another.
ONE_THREAD := $(wildcard $(addsuffix /*.c,$(addprefix tests/unit/,aggregate api config core explain protocol))) \
            $(wildcard tests/prop/*.c)
ifneq ($(findstring thread,$(SAN)),)
ONE_THREAD := $(shell grep -LE 'pthread_create|uv_thread_create|page_reader' $(ONE_THREAD))
UNIT       := $(filter-out $(ONE_THREAD:tests/%.c=$(B)/tests/%),$(UNIT))
PROP       := $(filter-out $(ONE_THREAD:tests/%.c=$(B)/tests/%),$(PROP))
endif
SUPPORT  := $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard tests/support/*.c))) $(B)/obj/proto/metrics.pb-c.o

# Fuzz targets are tests/fuzz/fuzz_NAME.c with LLVMFuzzerTestOneInput and seeds in tests/fuzz/corpus/NAME/; words in NAME.dict help.
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZERS  := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))
REPLAY   := $(if $(findstring thread,$(SAN)),,$(FUZZERS:%=$(B)/replay/%))
FUZZ_B   := build/fuzz
FUZZ_RUN  = $(or $(F),$(FUZZERS))

# Files that print the version are built again when it changes; no other file is.
VERSIONED := src/app/version.c bench/loadgen/main.c

# A make that got no -j builds on two cores.
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j2)

.PHONY: all
all: $(B)/statsd    ## build build/statsd (CC=clang, SAN=address,undefined and SAN=thread build elsewhere below build/)

$(B)/statsd: $(B)/obj/src/cmd/main.o $(B)/libstatsd.a
	$(CC) $(ALLFLAGS) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/libstatsd.a: $(LIB_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(LACKING),@tests/support/deps.sh --lacking '$(CC)' $(LACKING))
	$(CC) $(ALLFLAGS) $(DEFS) -c -o $@ $<

# The fortified headers forbid to ignore what a call returns: a test may.
$(B)/obj/tests/%.o: DEFS = -Itests -U_FORTIFY_SOURCE

# The description of the API, which src/api/openapi.c takes in.
$(B)/obj/src/api/openapi.o: src/api/openapi.json

# The page: each file as gzip, which src/web/packed.c takes in.  The charts are Debian's libjs-dygraphs.
DYGRAPHS    := /usr/share/javascript/dygraphs/dygraph.min.js
WEB_PACKED  := $(patsubst src/web/page/%,$(B)/web/%.gz,$(wildcard src/web/page/*)) $(B)/web/dygraph.js.gz
$(B)/obj/src/web/packed.o: DEFS = -Wa,-I$(B)/web
$(B)/obj/src/web/packed.o: $(WEB_PACKED)
$(B)/web/%.gz: src/web/page/%
	@mkdir -p $(@D)
	gzip -9nc $< >$@
$(B)/web/dygraph.js.gz: $(wildcard $(DYGRAPHS))
	@mkdir -p $(@D)
	$(if $<,,@tests/support/deps.sh --lacking '$(CC)' libjs-dygraphs)
	sed '/sourceMappingURL/d' $< | gzip -9nc >$@

# Tests in C need two libraries more: one that runs them, and one that decodes what src/expose/protobuf.c writes by hand.
TESTLIBS := cmocka libprotobuf-c
TEST_LACKING := $(shell for lib in $(TESTLIBS); do pkg-config --exists $$lib 2>/dev/null || echo $$lib; done)
$(patsubst $(B)/tests/%,$(B)/obj/tests/%.o,$(UNIT) $(PROP) $(CONFORM)) $(SUPPORT): LACKING += $(TEST_LACKING)

$(B)/proto/metrics.pb-c.c $(B)/proto/metrics.pb-c.h &: src/expose/metrics.proto
	@mkdir -p $(B)/proto
	$(if $(LACKING),@tests/support/deps.sh --lacking '$(CC)' $(LACKING))
	protoc-c --proto_path=$(<D) --c_out=$(B)/proto $(<F)
$(B)/obj/proto/%.o: $(B)/proto/%.c
	@mkdir -p $(@D)
	$(CC) -std=c11 $(CFLAGS) $(SANFLAGS) -w -c -o $@ $<
$(B)/obj/tests/support/protobuf_reader.o: $(B)/proto/metrics.pb-c.h
$(B)/obj/tests/support/protobuf_reader.o: DEFS += -I$(B)/proto

$(B)/tests/%: $(B)/obj/tests/%.o $(SUPPORT) $(B)/libstatsd.a
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) $(HARDEN_LD) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) -lcmocka -lprotobuf-c $(LDLIBS)
.SECONDARY:

$(VERSIONED:%.c=$(B)/obj/%.o): DEFS = -DSTATSD_VERSION='"$(VERSION)"' -DSTATSD_COMMIT='"$(COMMIT)"'
$(VERSIONED:%.c=$(B)/obj/%.o): $(B)/version
$(B)/version: FORCE
	@mkdir -p $(@D); echo '$(VERSION) $(COMMIT)' | cmp -s - $@ || echo '$(VERSION) $(COMMIT)' > $@
.PHONY: FORCE
FORCE:

# --- tests ---------------------------------------------------------------------------------------------------------------------

# A sanitizer's build of the load generator would measure the sanitizer: its tests are left out there.  So are those of calls that
# fail, which have a build of their own, by gcc.
TESTED_TOO = $(if $(SAN),,$(B)/statsd-bench $(if $(findstring clang,$(CC)),,faults-build))
SUITE = CC='$(CC)' SAN='$(SAN)' B='$(B)' PYTHON='$(PYTHON)' tests/support/suite.sh

.PHONY: test
test: deps-check    ## everything: build, unit, property, conformance, corpora, layers, end to end (SAN=... for sanitizers)
	@$(MAKE) --no-print-directory $(JOBS) all tests $(TESTED_TOO)
	@$(SUITE) layers binaries $(UNIT) $(PROP) $(CONFORM) replay $(REPLAY) e2e

.PHONY: tests
tests: $(UNIT) $(PROP) $(CONFORM) $(REPLAY)    ## build the tests in C without running them

.PHONY: unit
unit: $(UNIT) $(PROP) $(CONFORM)    ## unit, property and conformance tests alone
	@$(SUITE) binaries $(UNIT) $(PROP) $(CONFORM)

.PHONY: model
model: deps-check    ## spin checks the models of the page hand-over and the takeover, and that it sees their broken variants
	@CC='$(CC)' tests/model/run.sh '$(abspath $(B))' $(M)

.PHONY: replay
replay: $(REPLAY)    ## every file of the fuzz corpora through its target once, with any compiler
	@$(SUITE) replay $(REPLAY)

# Targets whose input is lines are changed by one who knows lines.
LINE_FUZZERS := parse stream plain lane
$(LINE_FUZZERS:%=$(FUZZ_B)/fuzzers/%): $(FUZZ_B)/obj/tests/fuzz/line_mutator.o $(FUZZ_B)/obj/tests/support/line_maker.o

# What reads the same another way for a target.
PLAIN_READER := $(addprefix $(B)/obj/tests/support/,said.o parser_said.o plain_reader.o plain_sample.o plain_event.o)
$(B)/replay/plain $(FUZZ_B)/fuzzers/plain: $(PLAIN_READER)

# What takes the lines as far as the page for a target.
$(B)/replay/lane $(FUZZ_B)/fuzzers/lane: $(B)/obj/tests/support/pipeline.o
$(B)/replay/lane $(FUZZ_B)/fuzzers/lane: LDLIBS += -lcmocka

# What a sink gets, for a target.
$(B)/replay/redis $(FUZZ_B)/fuzzers/redis: $(B)/obj/tests/support/fake_snapshot.o
$(B)/replay/redis $(FUZZ_B)/fuzzers/redis: LDLIBS += -lcmocka

# What reads the output back for a target.
FUZZ_READERS := $(B)/obj/tests/support/protobuf_reader.o $(B)/obj/proto/metrics.pb-c.o
$(B)/replay/exposition $(FUZZ_B)/fuzzers/exposition: $(FUZZ_READERS)
$(B)/replay/exposition $(FUZZ_B)/fuzzers/exposition: LDLIBS += -lcmocka -lprotobuf-c

$(REPLAY): $(B)/replay/%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay_main.o $(B)/libstatsd.a
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) $(HARDEN_LD) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)

.PHONY: e2e
e2e: deps-check    ## the real binary, a private Redis, a real Prometheus (T='-k name' picks tests, SLOW=1 the long ones)
	@$(MAKE) --no-print-directory $(JOBS) all $(TESTED_TOO)
	@$(SUITE) e2e

.PHONY: soak
soak: deps-check    ## everything at once for long, with exact sums and flat memory: make soak T=30m SEED=7 (s, m or h; RATE= lines a second of each sender)
	@$(MAKE) --no-print-directory $(JOBS) all
	@STATSD_BIN='$(abspath $(B)/statsd)' OUT='$(abspath $(B)/soak)' PYTHONDONTWRITEBYTECODE=1 \
	    $(PYTHON) tests/soak/soak.py '$(or $(T),5m)' '$(or $(SEED),1)'

.PHONY: chaos
chaos: deps-check    ## three servers and a Redis Cluster under all that may happen, with exact sums: make chaos SEED=7 T=2m draws a schedule, ONLY=failover,slow picks (RATE= lines a second to each)
	@$(MAKE) --no-print-directory $(JOBS) all
	@STATSD_BIN='$(abspath $(B)/statsd)' OUT='$(abspath $(B)/chaos)' PYTHONDONTWRITEBYTECODE=1 \
	    $(PYTHON) tests/chaos/chaos.py $(or $(T),$(if $(SEED),2m)) --seed '$(or $(SEED),1)' $(if $(ONLY),--only '$(ONLY)')

.PHONY: interop
interop: deps-check-interop    ## real clients, which make the table in docs/clients.md, and statsd_exporter beside us (where Go is): the same mapping and lines, the same /metrics
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(SUITE) interop
	@tests/interop/table.py

.PHONY: arm64
arm64:    ## base and protocol with their tests for aarch64, under qemu, where the packages for that are
	@tests/support/arm64.sh '$(B)'

.PHONY: nightly
nightly: arm64    ## what a change does not wait for: aarch64, the deep analysis, a soak, chaos, the page in a browser, the Debian packages in a bare Debian, the container image, and interop with the clients of Go, Java, Node, Rust and pip too, where those are
	@$(MAKE) --no-print-directory tidy DEEP=1
	@NIGHTLY=1 $(MAKE) --no-print-directory interop
	@$(MAKE) --no-print-directory soak T=10m
	@SLOW=1 $(MAKE) --no-print-directory e2e T='-k redis_spool'
	@NIGHTLY=1 $(MAKE) --no-print-directory e2e T='-k page_browser'
	@PACKAGE_TEST=all $(MAKE) --no-print-directory package-test
	@PACKAGE_TEST=all $(MAKE) --no-print-directory vm-test
	@DEB_BUILD_OPTIONS=nocheck $(MAKE) --no-print-directory deb-check
	@NIGHTLY=1 $(MAKE) --no-print-directory e2e T='-k schemas_of_kubernetes'
	@$(MAKE) --no-print-directory container-test
	@$(MAKE) --no-print-directory chaos
	@$(MAKE) --no-print-directory chaos T=4m SEED=$$(date +%Y%m%d)

.PHONY: container-test
container-test:    ## the image of the Containerfile, built and run by podman (BY=folders: its steps without a builder); root, mmdebstrap
	@$(PYTHON) tests/package/container.py $(BY)

.PHONY: screenshots
screenshots: $(B)/statsd    ## docs/images: the page with invented data, by chromium, chromium-driver and python3-selenium; the dashboards, by python3-matplotlib
	@$(PYTHON) tests/support/screenshots.py
	@STATSD_BIN='$(abspath $(B)/statsd)' PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/support/dashboard_pictures.py

.PHONY: layers
layers:    ## check that includes follow the arrows between rooms
	@tests/support/layers.sh --self-test && tests/support/layers.sh

.PHONY: census
census:    ## the tree in figures: files, lines, asserts, comments and includes of each room
	@tests/support/census.sh

.PHONY: fuzz
fuzz: deps-check deps-check-dev    ## run a libFuzzer target: make fuzz F=parse T=60 (seconds); without F all of them share T
	@$(MAKE) --no-print-directory $(JOBS) CC=clang B=$(FUZZ_B) SAN=fuzzer-no-link,address,undefined $(FUZZ_RUN:%=$(FUZZ_B)/fuzzers/%)
	@tests/support/fuzz.sh $(FUZZ_B) $(or $(T),60) $(FUZZ_RUN)

.PHONY: fuzz-all
fuzz-all: deps-check deps-check-dev    ## every libFuzzer target for T seconds, and a table (F='parse lane' for some; KEEP=300: finds go into tests/fuzz/corpus)
	@$(MAKE) --no-print-directory $(JOBS) CC=clang B=$(FUZZ_B) SAN=fuzzer-no-link,address,undefined $(FUZZ_RUN:%=$(FUZZ_B)/fuzzers/%)
	@KEEP='$(KEEP)' tests/support/fuzz.sh --all $(FUZZ_B) $(or $(T),60) $(FUZZ_RUN)

$(FUZZ_B)/fuzzers/%: $(FUZZ_B)/obj/tests/fuzz/fuzz_%.o $(FUZZ_B)/libstatsd.a
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) $(HARDEN_LD) $(LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)

# How a changed file is compiled and linked, for tests/support/mutants.py.
.PHONY: mutants
mutants: deps-check    ## change the source one operator at a time and list what no test notices: make mutants F=src/base/buf.c N=20 SEED=1
	@CC='$(CC)' B='$(B)' MUTANTS_FLAGS='$(ALLFLAGS)' MUTANTS_LIBS='$(LDLIBS)' $(PYTHON) tests/support/mutants.py \
	    $(if $(F),--file $(F)) $(if $(FROM),--from $(FROM)) --count $(or $(N),20) --seed $(or $(SEED),1) --jobs $(or $(J),2) --most $(or $(T),60)

.PHONY: tidy
tidy: deps-check-dev    ## clang-tidy over src and bench, what it finds and how much (F=src/base/buf.c for one file; DEEP=1 as nightly)
	@DEEP=$(DEEP) tests/support/form.sh tidy $(or $(F),$(SRC) $(BENCH_SRC)) -- -std=c11 -D_GNU_SOURCE -Iinclude -Isrc -Ibench -Ibench/loadgen $(PKGFLAGS)

FORMATTED = $(or $(F),$(shell find include src tests bench -name '*.[ch]'))
.PHONY: format format-check
format: deps-check-dev    ## clang-format, in place
	clang-format -i $(FORMATTED)
format-check: deps-check-dev    ## which files clang-format would change, which have lines over 100 columns (F=src/base/buf.c: where)
	@tests/support/form.sh format $(FORMATTED)

# --- use -----------------------------------------------------------------------------------------------------------------------

.PHONY: run
run:    ## install what is missing, build, start a private Redis and the server; Ctrl-C ends both (ARGS='--set ...')
	@tests/support/deps.sh build run
	@$(MAKE) --no-print-directory $(JOBS) all
	@exec env STATSD_BIN=$(abspath $(B)/statsd) tests/support/run.sh $(ARGS)

.PHONY: deps deps-check deps-check-interop deps-check-dev
deps:    ## install every Debian package that build, tests and tools need
	@tests/support/deps.sh build run test interop dev
deps-check:
	@tests/support/deps.sh build run test
deps-check-interop:
	@tests/support/deps.sh build run test interop
deps-check-dev:
	@tests/support/deps.sh build dev

.PHONY: install uninstall
install: $(B)/statsd    ## install below PREFIX (/usr/local), DESTDIR in front of it
	tests/support/install.sh install '$(B)' '$(DESTDIR)' '$(PREFIX)'
uninstall:    ## remove what install put there
	tests/support/install.sh uninstall '$(B)' '$(DESTDIR)' '$(PREFIX)'

# --- Debian packages -----------------------------------------------------------------------------------------------------------

.PHONY: deb deb-check package-test vm-test deps-check-package
deb: deps-check-package    ## Debian packages in build/deb, by debian/ and in a copy of the tree; lintian looks at them (DEB_BUILD_OPTIONS=nocheck leaves the tests out)
	@tests/support/deb.sh build build/deb
deb-check: deps-check-package    ## builds them twice, from two folders: are they the same to the byte?
	@tests/support/deb.sh check build/deb-check
package-test: deb    ## the packages in a bare Debian: install, use, upgrade, remove, purge, where root and mmdebstrap are
	@tests/package/package.sh build/deb
	@tests/package/newcomer.sh build/deb
vm-test: deb    ## the same on a kernel with AppArmor, in a virtual machine: root, mmdebstrap, qemu-system-x86
	@tests/support/deb.sh older build/deb
	@tests/package/vm.sh build/deb
deps-check-package:
	@tests/support/deps.sh build test run package

.PHONY: docs
docs: $(B)/statsd $(B)/statsd-bench    ## bring the tables and transcripts of README.md and docs/, manual pages and completions up to date
	@tests/support/docs.py $(B)/statsd

.PHONY: clean
clean:    ## remove build/
	rm -rf build

.PHONY: help
help:    ## this list
	@sed -nE 's/^([a-z0-9-]+)[^#=]*:[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '{ printf "  make %-14s %s\n", $$1, $$2 }'

-include $(wildcard bench/bench.mk)
-include tests/faults/faults.mk
-include $(shell find $(B)/obj $(B)/tests $(B)/replay -name '*.d' 2>/dev/null)
