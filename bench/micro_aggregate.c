/*
 * Parse and aggregate in this process, no sockets: ns per line by the number of series, in
 * datagrams of 1,432 bytes.
 *
 *     micro_aggregate [SERIES...]
 */
#include "micro.h"
#include "micro_load.h"

enum { LINES = 2000000 };

static void measure(uint32_t series)
{
    struct micro_load l;
    struct micro ns = { 0 };
    char name[64];
    micro_load_init(&l, series, "c=60,ms=30,g=10", LINES, 1432);
    for (int run = 0; run <= MICRO_RUNS; run++) {
        uint64_t from_ns = micro_now_ns();
        micro_load_pass(&l, now_mono_ns());
        double each = (double)(micro_now_ns() - from_ns) / (double)l.payload.lines;
        if (run > 0)
            micro_add(&ns, each);
        else
            snprintf(name, sizeof name, "first_sight_%u", series);
        if (run == 0 && series == LINES / 2)
            /* Every other line makes one */
            micro_print(name, each * LINES / series, "ns/series");
    }
    snprintf(name, sizeof name, "aggregate_%u", series);
    micro_print(name, micro_median(&ns), "ns/line");
    snprintf(name, sizeof name, "memory_%u", series);
    micro_print(name, (double)ingest_memory(l.ingest) / series, "bytes/series in the worker");
    if (ingest_stats(l.ingest)->v[INGEST_SAMPLES_AGGREGATED] != l.payload.lines * (MICRO_RUNS + 1))
        fprintf(stderr, "micro_aggregate: not every line was aggregated\n");
    micro_load_release(&l);
}

int main(int argc, char **argv)
{
    static const uint32_t usual[] = { 100, 10000, 100000, 1000000 };
    for (int i = 1; i < argc; i++)
        measure((uint32_t)strtoul(argv[i], NULL, 10));
    for (size_t i = 0; argc == 1 && i < ARRAY_LEN(usual); i++)
        measure(usual[i]);
    return 0;
}
