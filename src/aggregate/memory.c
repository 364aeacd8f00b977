/**
 * Bytes of one of each:
 *
 *   a spelling at a worker    64 the cell + 64 its slot (16, the table half to a quarter full, both
 *                             while it grows) + 48 lists of pages; at worst twice as many as
 *                             series (ingest.h).  A gauge has a cell of 128 and two aliases of 64,
 *                             each with its slot
 *   a series in the registry  176 itself and its exposed + 128 family or label text + 48 index and
 *                             limit + 24 lists + its text twice (symbols of its own, batch of
 *                             Redis, label text)
 *   a timer on top            128 for the cell's two sketches + a sketch of 64 + window for each:
 *                             two pages of a worker, the interval, and the ages of the sliding
 *                             window and one more; with native histograms also a sketch of the
 *                             native schema for each page of a worker, and one since ever, with
 *                             8 bytes for each bucket of its window
 *   a gauge on top            where several sockets are read, a list of 64 steps of 24 for each
 *                             page of a worker and in the registry
 *   a set on top              32 for its cell + 8 for each of 16 places, which hold 8 members, in
 *                             two pages of a worker; the same in the interval, and in the window
 *                             with a byte more for each place
 *   exemplars                 where they are asked for: for each spelling in each page of a worker
 *                             a slot of 40, the table three quarters to three eighths full, and a
 *                             text; shown, 24 + for the counter, or each bucket, 40 and a text
 *   a line of a saved state   112 itself + 48 index + 16 list + its labels and name + of a timer
 *                             the part of its series that is shown, of a set its window
 *   a window                  two decades of values: 2^schema * log2(100) buckets, in steps of 16,
 *                             of 2 bytes
 */
#include "aggregate/memory.h"

#include <math.h>

#include "aggregate/members.h"

enum {
    CELL = 128 + 2 * 64 + 3 * 64 + 48,
    GAUGE_LIST = 64 * 24 + 16,
    SERIES = 176 + 128 + 48 + 24 + 2 * AGGREGATE_TEXT_BYTES,
    RESTORED = 112 + 48 + 16 + 2 * AGGREGATE_TEXT_BYTES,
    SKETCH = 64,
    EXEMPLAR_TEXT = 64, /* such as trace_id="..." with 32 digits */
    EXEMPLAR_PAGE = 40 * 8 / 3 + EXEMPLAR_TEXT,
    EXEMPLAR_SHOWN = 40 + EXEMPLAR_TEXT,
    FEW_PLACES = 16,
    FEW_TABLE = 8 * FEW_PLACES
};

/* Two decades, in buckets: log2(100) = 6.644. */
static uint32_t decades_buckets(int schema)
{
    double buckets = ceil(ldexp(6.644, schema));
    return ((uint32_t)buckets + 31) / 16 * 16;
}

static uint64_t window_bytes(int schema)
{
    return 2 * (uint64_t)decades_buckets(schema);
}

uint32_t aggregate_native_buckets(const struct profile *p)
{
    uint32_t most = p->native_max_buckets, n = decades_buckets(profile_native_schema(p));
    return most > 0 && most < n ? most : n;
}

/* Cells may have one of their own (timer_native.h); the one since ever counts up to any number. */
static uint64_t native_bytes(const struct profile *p, unsigned workers)
{
    int schema = profile_native_schema(p);
    uint64_t since_ever = SKETCH + 8 * (uint64_t)decades_buckets(schema);
    return 4ull * workers * (SKETCH + window_bytes(schema)) + since_ever;
}

static bool has_exemplars(const struct registry_opts *o)
{
    return o->exemplar_tag != NULL && o->exemplar_tag[0] != '\0';
}

/* A counter's, or what a histogram has for its first bucket.  Cells as for CELL. */
static uint64_t exemplar_bytes(const struct registry_opts *o, unsigned workers)
{
    return has_exemplars(o) ? 4ull * workers * EXEMPLAR_PAGE + 24 + EXEMPLAR_SHOWN : 0;
}

static uint64_t timer_bytes(const struct registry_opts *o, const struct profile *given,
                            unsigned workers)
{
    struct profile raised = *given, *p = &raised;
    profile_raise_schema(p);
    uint64_t sketch = SKETCH + window_bytes(p->sketch_schema);
    uint64_t bytes = 2ull * workers * (128 + 2 * sketch); /* 2: spellings, as for CELL */
    bytes += o->keep_intervals ? sketch : 0;
    if (p->histogram)
        bytes += (p->n_buckets + 1ull) * 8 * (1 + 4ull * workers);
    else
        bytes += (p->summary_age_buckets + 1) * (sketch + 16) + p->n_quantiles * 8ull;
    bytes += profile_native(p) ? native_bytes(p, workers) : 0;
    bytes += p->histogram && has_exemplars(o) ? (uint64_t)p->n_buckets * EXEMPLAR_SHOWN : 0;
    return bytes;
}

static uint64_t restored_bytes(const struct profile *given)
{
    struct profile raised = *given, *p = &raised;
    profile_raise_schema(p);
    uint64_t timer, set = FEW_TABLE + FEW_PLACES;
    if (p->histogram)
        timer = (p->n_buckets + 1ull) * 8;
    else
        timer = (p->summary_age_buckets + 1ull) * (SKETCH + window_bytes(p->sketch_schema) + 16);
    if (profile_native(p))
        timer += SKETCH + 8 * (uint64_t)decades_buckets(profile_native_schema(p));
    return RESTORED + (timer > set ? timer : set);
}

void aggregate_memory(const struct registry_opts *o, const struct profile *p, unsigned workers,
                      struct aggregate_memory *ret)
{
    const uint64_t pages = 2ull * workers;
    *ret = (struct aggregate_memory){
        .series =
            SERIES + (o->births ? 8u : 0u) + (uint64_t)workers * CELL + exemplar_bytes(o, workers),
        .timer = timer_bytes(o, p, workers),
        .gauge = (pages + 1) * GAUGE_LIST,
        .set = pages * (32 + 2 * FEW_TABLE) + FEW_TABLE + FEW_TABLE + FEW_PLACES,
        .restored = restored_bytes(p),
        /* The pages, the interval, the open step of the window and those before it. */
        .large_set = (pages + 2 + p->set_steps) * MEMBERS_REGISTERS,
    };
}
