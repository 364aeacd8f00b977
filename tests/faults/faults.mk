# The server with tests/faults/faults.c between it and the C library; see tests/faults/faults.h.  Included by the Makefile.
FAULTS_B     = build/faults$(if $(SAN),-$(subst $(comma),-,$(SAN)))
# Frame pointers and no tail calls: a caller is found on the stack.  No fortify: calls keep the names of tests/faults/calls.h.
FAULTS_FLAGS = -O2 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0
FAULTS_CALLS := $(shell sed -nE 's/^    X.(\w+),.*/\1/p' tests/faults/calls.h)

.PHONY: faults faults-build
faults: deps-check faults-build    ## every allocation and system call of ours fails once (SAN=address,undefined: leaks too; A='--help' for more)
	@$(PYTHON) tests/faults/run.py --build $(FAULTS_B) $(A)
faults-build:
	@$(MAKE) --no-print-directory $(JOBS) B=$(FAULTS_B) CFLAGS='$(FAULTS_FLAGS)' $(FAULTS_B)/statsd-faults

$(B)/statsd-faults: $(B)/obj/src/cmd/main.o $(B)/obj/tests/faults/faults.o $(B)/libstatsd.a
	$(CC) $(ALLFLAGS) $(LDFLAGS) $(FAULTS_CALLS:%=-Wl,--wrap=%) -o $@ $^ $(LDLIBS)
