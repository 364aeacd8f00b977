/**
 * floor: what the floors for computing share: the load, memory in huge pages, the measuring.
 *   thread   main
 */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../micro.h"
#include "base/slice.h"
#include "payload.h"

enum {
    FLOOR_BATCH_BYTES = 16000,
    FLOOR_LINES = 2000000,
    FLOOR_BUCKETS = 256,
    FLOOR_PAD = 256 /* readable bytes before and behind the load */
};

/* Zeroed, on a border of 2 MiB; floor_huge_free with the same n. */
static inline void *floor_huge(size_t n)
{
    const size_t page = 2 << 20;
    char *p = mmap(NULL, n + page, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        abort();
    size_t lead = -(uintptr_t)p & (page - 1);
    if (lead > 0)
        munmap(p, lead);
    if (lead < page)
        munmap(p + lead + n, page - lead);
    madvise(p + lead, n, MADV_HUGEPAGE);
    return p + lead;
}

static inline void floor_huge_free(void *p, size_t n)
{
    munmap(p, n);
}

/* The bucket of a value, 32 to the octave, linear inside it. */
static inline uint32_t floor_bucket_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    int64_t i = (int64_t)(bits >> 47) - ((1023 - 3) << 5);
    return i < 0 ? 0 : i >= FLOOR_BUCKETS ? FLOOR_BUCKETS - 1 : (uint32_t)i;
}

/* Table slots, a power of two, that leave at least half of them free. */
static inline uint64_t floor_slots_for(uint32_t series)
{
    uint64_t n = 4;
    while (n < (uint64_t)series * 2)
        n <<= 1;
    return n;
}

/*
 * Passes over the load of so many series; ingest takes one batch of lines without the last LF.
 * Prints "NAME_SERIES".
 */
static inline void floor_measure(const char *name, uint32_t series,
                                 void (*ingest)(const char *p, const char *end))
{
    struct payload load;
    struct micro ns = { 0 };
    struct payload_spec s = { .seed = 1,
                              .series = series,
                              .tags = 3,
                              .tag_values = 50,
                              .bytes = FLOOR_BATCH_BYTES,
                              .packed = 1,
                              .rate = 1,
                              .set_members = 1,
                              .lines = FLOOR_LINES,
                              .prefix = "bench.",
                              .suffix = "",
                              .values = { VALUES_LOGNORMAL, 100, 1 } };
    if (mix_parse(SLICE_LIT("c=60,ms=30,g=10"), &s.mix) < 0 || payload_init(&load, &s) < 0)
        abort();
    size_t bytes = load.datagrams[load.n - 1].at + load.datagrams[load.n - 1].len;
    char *text = calloc(1, bytes + 2 * FLOOR_PAD);
    if (text == NULL)
        abort();
    memcpy(text + FLOOR_PAD, load.bytes, bytes);
    for (int run = 0; run <= MICRO_RUNS; run++) {
        uint64_t from_ns = micro_now_ns();
        for (size_t i = 0; i < load.n; i++) {
            const char *p = text + FLOOR_PAD + load.datagrams[i].at;
            ingest(p, p + load.datagrams[i].len);
        }
        if (run > 0) /* the first makes the series */
            micro_add(&ns, (double)(micro_now_ns() - from_ns) / (double)load.lines);
    }
    char full[64];
    snprintf(full, sizeof full, "%s_%u", name, series);
    micro_print(full, micro_median(&ns), "ns/line");
    free(text);
    payload_release(&load);
}

/* measure for each number of series in argv, or the usual ones. */
static inline int floor_main(int argc, char **argv, void (*measure)(uint32_t series))
{
    static const uint32_t usual[] = { 100, 10000, 100000, 1000000 };
    for (int i = 1; i < argc; i++)
        measure((uint32_t)strtoul(argv[i], NULL, 10));
    for (size_t i = 0; argc == 1 && i < ARRAY_LEN(usual); i++)
        measure(usual[i]);
    return 0;
}

#endif
