# statsd: see `make help`.  One build directory per compiler and sanitizer set, so that they never mix.
CC      ?= cc
SAN     ?=
B       ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
comma   := ,
PREFIX  ?= /usr/local

ROOMS    := base protocol aggregate listen sinks http app
LIBS     := libuv hiredis libmicrohttpd inih jansson zlib
VERSION  := $(shell cat VERSION 2>/dev/null || echo 0.1.0)
COMMIT   := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wvla -Wformat=2 \
            -Wundef -Wwrite-strings -Wcast-qual $(if $(WERROR),-Werror)
PKGFLAGS := $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
PKGLIBS  := $(shell pkg-config --libs $(LIBS) 2>/dev/null)
CFLAGS   ?= -O2 -g
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
ALLFLAGS  = -std=c11 -D_GNU_SOURCE $(WARN) $(CFLAGS) $(SANFLAGS) -Iinclude -Isrc -I$(B)/gen $(PKGFLAGS) -MMD -MP
LDLIBS   := $(PKGLIBS) -lpthread -lm

SRC      := $(sort $(wildcard $(ROOMS:%=src/%/*.c)))
LIB_OBJ  := $(patsubst %.c,$(B)/obj/%.o,$(filter-out src/app/main.c,$(SRC)))
UNIT     := $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/unit/*/test_*.c tests/prop/test_*.c)))
SUPPORT  := $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard tests/support/*.c)))

.PHONY: all
all: $(B)/statsd

$(B)/statsd: $(B)/obj/src/app/main.o $(B)/libstatsd.a
	$(CC) $(ALLFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/libstatsd.a: $(LIB_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -c -o $@ $<

$(B)/tests/%: tests/%.c $(SUPPORT) $(B)/libstatsd.a
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -Itests $(LDFLAGS) -o $@ $(filter %.c %.o %.a,$^) -lcmocka $(LDLIBS)

.PHONY: unit
unit: $(UNIT)
	@for t in $(UNIT); do echo "== $$t"; $$t || exit 1; done

-include $(shell find $(B) -name '*.d' 2>/dev/null)
