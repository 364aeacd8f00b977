# The load generator and the benchmarks.  Included by the Makefile; see bench/README.md.
LOADGEN_SRC  := $(sort $(wildcard bench/loadgen/*.c))
LOADGEN_OBJ  := $(patsubst %.c,$(B)/obj/%.o,$(filter-out bench/loadgen/main.c,$(LOADGEN_SRC)))
LIVE_OBJ     := $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard bench/loadgen/live/*.c)))
BENCH_ROOMS  := $(patsubst %,$(B)/obj/src/base/%.o,buf log mem now number number_print startup utf8) \
                $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard src/send/*.c)))
BENCH_SRC    := $(sort $(wildcard bench/*.c bench/*/*.c bench/*/*/*.c))
BENCH_MICRO  := $(patsubst bench/%.c,$(B)/bench/%,$(sort $(wildcard bench/micro_*.c)))
BENCH_TOOLS  := $(patsubst bench/floor/%.c,$(B)/bench/%,$(sort $(wildcard bench/floor/*.c))) $(B)/bench/receive $(B)/bench/reads.so $(B)/bench/fleet
RECEIVE_OBJ  := $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard bench/receive/*.c)))
FLEET_OBJ    := $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard bench/redis/*.c)))

.PHONY: bench bench-build bench-peers bench-cores bench-curve bench-receive bench-streams bench-redis bench-fleet bench-redis-frozen
bench-build: $(B)/statsd-bench $(BENCH_TOOLS) $(BENCH_MICRO)    ## build build/statsd-bench, the load generator, and the benchmarks

# The page and the workers: of the load generator alone, with the server's HTTP.
$(B)/statsd-bench: $(B)/obj/bench/loadgen/main.o $(LIVE_OBJ) $(LOADGEN_OBJ) $(B)/libstatsd.a
	$(CC) $(ALLFLAGS) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/obj/bench/loadgen/main.o: DEFS += -Ibench/loadgen

BENCH_PACKED := $(patsubst bench/loadgen/live/page/%,$(B)/web/%.gz,$(wildcard bench/loadgen/live/page/*)) $(WEB_PACKED)
$(B)/obj/bench/loadgen/live/page_files.o: DEFS = -Ibench/loadgen -Wa,-I$(B)/web
$(B)/obj/bench/loadgen/live/page_files.o: $(BENCH_PACKED)
$(B)/web/bench.%.gz: bench/loadgen/live/page/bench.%
	@mkdir -p $(@D)
	gzip -9nc $< >$@

# Floors and drivers: no part of the server in them, only the generator's objects, send and base.
$(B)/bench/%: $(B)/obj/bench/floor/%.o $(LOADGEN_OBJ) $(BENCH_ROOMS)
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/bench/receive: $(RECEIVE_OBJ) $(BENCH_ROOMS)
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Plays instances of the server, so it has all of the library.
$(B)/bench/fleet: $(FLEET_OBJ) $(B)/libstatsd.a
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/bench/reads.so: bench/preload/reads.c
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -fPIC -shared -o $@ $<

# Micro benchmarks link the server's library, and the generator for its payloads.
$(B)/bench/micro_%: $(B)/obj/bench/micro_%.o $(LOADGEN_OBJ) $(B)/libstatsd.a
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/obj/bench/%.o: DEFS = -Ibench -Ibench/loadgen -Ibench/redis

# Of the page and the workers, with the server's library.
$(B)/tests/unit/bench/test_live: tests/unit/bench/test_live.c $(LIVE_OBJ) $(LOADGEN_OBJ) $(B)/libstatsd.a
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -U_FORTIFY_SOURCE -Itests -Ibench/loadgen $(HARDEN_LD) $(LDFLAGS) -o $@ $(filter %.c %.o %.a,$^) -lcmocka $(LDLIBS)
$(B)/tests/unit/bench/%: tests/unit/bench/%.c $(LOADGEN_OBJ) $(BENCH_ROOMS)
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -U_FORTIFY_SOURCE -Itests -Ibench/loadgen $(HARDEN_LD) $(LDFLAGS) -o $@ $(filter %.c %.o,$^) -lcmocka -ljansson -lpthread -lm

# The fuzz target of what a peer says to a master: the page is not in it.
LINK_OBJ := $(patsubst %,obj/bench/loadgen/live/%.o,count fleet join plan token wire worker) $(patsubst $(B)/%,%,$(LOADGEN_OBJ))
$(B)/replay/bench_link: $(LINK_OBJ:%=$(B)/%)
$(FUZZ_B)/fuzzers/bench_link: $(LINK_OBJ:%=$(FUZZ_B)/%)
$(B)/obj/tests/fuzz/fuzz_bench_link.o: DEFS += -Ibench/loadgen

bench: $(B)/statsd bench-build    ## every figure of the budget beside its floor, into bench/results (Q=1: a short look)
	$(PYTHON) bench/run.py --build $(B) $(if $(Q),--quick)

bench-peers: $(B)/statsd bench-build    ## the same load for other StatsD servers, those that can be had
	$(PYTHON) bench/peers/run.py --build $(B) $(if $(Q),--quick)

bench-cores: $(B)/statsd bench-build    ## of make bench, two workers on two cores beside one on one (Q=1: a short look)
	$(PYTHON) bench/run.py --build $(B) --only cores $(if $(Q),--quick)

bench-curve: $(B)/statsd bench-build    ## loss versus rate: a table, and the picture in docs
	$(PYTHON) bench/curve.py --build $(B)

bench-streams: $(B)/statsd bench-build    ## streams beside datagrams, and a crowd of idle and slow connections (Q=1: a short look)
	$(PYTHON) bench/streams.py --build $(B) $(if $(Q),--quick)

bench-redis: $(B)/statsd bench-build    ## what a flush costs Redis, beside the least it can, and by three servers (Q=1: a short look)
	$(PYTHON) bench/redis_flush.py --build $(B) $(if $(Q),--quick)

bench-fleet: bench-build    ## what 1,000 instances would cost a Redis Cluster, worked out from some of them (Q=1: a short look)
	$(PYTHON) bench/fleet.py --build $(B) $(if $(Q),--quick)

bench-redis-frozen: $(B)/statsd bench-build    ## ingest before, while and after Redis hangs for a minute (Q=1: a short look)
	$(PYTHON) bench/redis_frozen.py --build $(B) $(if $(Q),--quick)

bench-receive: bench-build    ## ways to receive, against a bare receiver
	$(PYTHON) bench/receive.py --build $(B)
