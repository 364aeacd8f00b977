/*
 * Bytes of one of each, from what they are made of.  A table counts at its worst: it has just begun
 * to move to one of twice the size, and both are there; an array counts as half empty.
 *
 *   a spelling at a worker    its cell, its slot, its place in the lists of two pages, and, until
 *                             the control thread has read of it, its birth.  At worst there are
 *                             twice as many cells as series (ingest.h).  A gauge has one cell and
 *                             two aliases, each with a slot
 *   a series in the registry  itself, its exposed, a family of its own, its places in lists and
 *                             tables, and symbols that no other has
 *   its text                  as sent, in symbols; escaped, each byte as two; as a label text of
 *                             its own; in its family's name; and once more for a sink
 *   a timer on top            its cells' sketches + a window for each sketch: two pages of a
 *                             worker, the interval, and the ages of the sliding window and one
 *                             more; with native histograms also a sketch of the native schema for
 *                             each page of a worker, and one since ever, with 8 bytes for each
 *                             bucket of its window
 *   a gauge on top            where several sockets are read, a list of steps for each page of a
 *                             worker and in the registry
 *   a set on top              its cell + 8 for each of 16 places, which hold 8 members, in two
 *                             pages of a worker; the same in the interval, and in the window with a
 *                             byte more for each place
 *   exemplars                 where they are asked for: for each spelling in each page of a worker
 *                             an entry of 48 and slots of 8, half to a quarter full, both tables
 *                             while they grow, and a text; shown, 24 + for the counter, or each
 *                             bucket, 40 and a text
 *   a line of a saved state   itself, its labels escaped, a family of its own, its places in lists
 *                             and tables + of a timer the part of its series that is shown, of a
 *                             set its window
 *   a window                  two decades of values: 2^schema * log2(100) buckets, in steps of 16,
 *                             of 2 bytes
 */
#include "aggregate/memory.h"

#include <assert.h>
#include <math.h>

#include "aggregate/counter.h"
#include "aggregate/gauge.h"
#include "aggregate/members.h"
#include "aggregate/page.h"
#include "aggregate/set.h"
#include "aggregate/table.h"
#include "aggregate/timer.h"

enum {
    TAGS = 4, /* in AGGREGATE_TEXT_BYTES */
    MALLOC = 16,
    POINTER = sizeof(void *),
    GROWN = 2,         /* slots of an array for each item */
    HALF_FULL = 2 + 4, /* of a table that moves when it is half full, and of the next one */
    PLACES = (2 + 3) * (int)sizeof(uint32_t), /* of one that does at eleven sixteenths */

    /* ---- a worker ---- */
    SLOT = HALF_FULL * sizeof(struct slot),
    LISTS = 2 * 2 * GROWN * POINTER, /* touched and deaths of two pages */
    BIRTH = sizeof(struct birth) + sizeof(struct identity) + TAGS * sizeof(struct identity_tag) +
            AGGREGATE_TEXT_BYTES,
    COUNTER_CELLS = 2 * (sizeof(struct counter_cell) + SLOT + LISTS + BIRTH),
    GAUGE_CELLS = sizeof(struct gauge_cell) + 2 * sizeof(struct alias) + 3ul * SLOT + LISTS + BIRTH,
    CELLS = COUNTER_CELLS > GAUGE_CELLS ? COUNTER_CELLS : GAUGE_CELLS,

    /* ---- the registry ---- */
    TUPLE = sizeof(struct tuple) + (1 + TAGS) * sizeof(uint32_t) + TAGS * sizeof(uint16_t),
    SYMBOL = sizeof(struct symbol) + SLABS_STEP + 3 + GROWN * (sizeof(void *) + sizeof(uint32_t)) +
             PLACES,
    FAMILY = sizeof(struct family) + (16 + HALF_FULL + GROWN) * sizeof(void *) + 3ul * MALLOC,
    TEXTS = (1ul + 2 + 2) * AGGREGATE_TEXT_BYTES + sizeof(struct exposed_text) + MALLOC,
    TEXT_FOR_SINK = AGGREGATE_TEXT_BYTES,
    /* all, hashes, touched and those of the interval that goes to the sinks; the limit */
    LISTED = GROWN * (4 * POINTER) + PLACES + HALF_FULL * 8,
    SERIES = sizeof(struct gauge_series) + TUPLE + sizeof(struct gauge_exposed) +
             (1ul + TAGS) * SYMBOL + FAMILY + TEXTS + TEXT_FOR_SINK + LISTED,

    RESTORED = sizeof(struct gauge_exposed) + sizeof(struct exposed_text) + MALLOC + FAMILY +
               2ul * AGGREGATE_TEXT_BYTES + (HALF_FULL + 2ul * GROWN) * POINTER,

    /* ---- on top ---- */
    GAUGE_LIST = GAUGE_RECENT_MAX * sizeof(struct gauge_step) + MALLOC,
    SKETCH = sizeof(struct sketch),
    TIMER_CELL = sizeof(struct timer_cell) - sizeof(struct counter_cell),
    TIMER_SERIES = sizeof(struct timer_exposed) - sizeof(struct gauge_exposed),
    EXEMPLAR_TEXT = 64, /* such as trace_id="..." with 32 digits */
    EXEMPLAR_PAGE = 48 + 6 * 8 + EXEMPLAR_TEXT,
    EXEMPLAR_SHOWN = 40 + EXEMPLAR_TEXT,
    SET_CELL = sizeof(struct set_cell) - sizeof(struct counter_cell),
    SET_SERIES = sizeof(struct set_exposed) - sizeof(struct gauge_exposed),
    FEW_PLACES = 16,
    FEW_TABLE = 8 * FEW_PLACES + MALLOC
};

static_assert(AGGREGATE_DROPPED_BYTES == sizeof(struct cell) + SLOT, "a cell and its slots");

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

/* A counter's, or what a histogram has for its first bucket.  Cells as for CELLS. */
static uint64_t exemplar_bytes(const struct registry_opts *o, unsigned workers)
{
    return has_exemplars(o) ? 4ull * workers * EXEMPLAR_PAGE + 24 + EXEMPLAR_SHOWN : 0;
}

static uint64_t timer_bytes(const struct registry_opts *o, const struct profile *given,
                            unsigned workers)
{
    struct profile raised = *given, *p = &raised;
    profile_raise_schema(p);
    uint64_t window = window_bytes(p->sketch_schema) + MALLOC, sketch = SKETCH + window;
    uint64_t bytes = TIMER_SERIES + 2ull * workers * (TIMER_CELL + 2 * window); /* as for CELLS */
    bytes += o->keep_intervals ? sketch + MALLOC : 0;
    if (p->histogram)
        bytes += ((p->n_buckets + 1ull) * 8 + MALLOC) * (1 + 4ull * workers);
    else
        bytes += (p->summary_age_buckets + 1) * (sketch + MALLOC) + p->n_quantiles * 8ull + MALLOC;
    bytes += profile_native(p) ? native_bytes(p, workers) : 0;
    bytes += p->histogram && has_exemplars(o) ? (uint64_t)p->n_buckets * EXEMPLAR_SHOWN : 0;
    return bytes;
}

static uint64_t restored_bytes(const struct profile *given)
{
    struct profile raised = *given, *p = &raised;
    profile_raise_schema(p);
    uint64_t timer = TIMER_SERIES, set = SET_SERIES + FEW_TABLE + FEW_PLACES;
    if (p->histogram)
        timer += (p->n_buckets + 1ull) * 8;
    else
        timer += (p->summary_age_buckets + 1ull) * (SKETCH + window_bytes(p->sketch_schema) + 16);
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
            SERIES + (o->births ? 8u : 0u) + (uint64_t)workers * CELLS + exemplar_bytes(o, workers),
        .timer = timer_bytes(o, p, workers),
        .gauge = (pages + 1) * GAUGE_LIST,
        .set = SET_SERIES + pages * (SET_CELL + 2ul * FEW_TABLE) + 2ul * FEW_TABLE + FEW_PLACES,
        .restored = restored_bytes(p),
        /* The pages, the interval, the open step of the window and those before it. */
        .large_set = (pages + 2 + p->set_steps) * MEMBERS_REGISTERS,
    };
}
