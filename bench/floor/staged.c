/*
 * The floor for computing: parse and aggregate in the simplest way that hides cache misses, with no
 * limits, no errors, no tag rules and 64-bit trust in the hash.  What the server costs above this
 * is the price of its promises.
 *
 *     staged [SERIES...]
 *
 * A batch is the text of one receive call.  Four passes over it, each asking early for the memory
 * the next one wants:
 *
 *     lines -> samples, hashes     ask for table slots
 *     samples -> cells' addresses  ask for cells
 *     cells                        found or made; ask for the bucket
 *     update, in order
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../micro.h"
#include "base/hash.h"
#include "payload.h"

enum {
    BATCH_BYTES = 16000,
    BATCH_MAX = 1024,
    BUCKETS = 256,
    ARENA_BYTES = 2047 << 20,
    LINES = 2000000
};

struct floor_cell {
    uint64_t hash;
    double sum;
    uint64_t n;
    uint32_t *buckets; /* of timers */
};

struct floor_sample {
    uint64_t hash;
    struct floor_cell *cell;
    double value;
    char type;
};

static struct floor_cell **slots;
static uint64_t mask;
static char *arena;
static size_t arena_used, n_series;

static void *huge(size_t n)
{
    void *p =
        mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        abort();
    madvise(p, n, MADV_HUGEPAGE);
    return p;
}

static void *take(size_t n)
{
    void *p = arena + arena_used;
    arena_used += (n + 15) & ~(size_t)15;
    if (arena_used > (size_t)ARENA_BYTES)
        abort();
    return p;
}

/* Digits with at most one point: all that the generator prints. */
static double number(const char *p, const char *end)
{
    static const double scale[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };
    uint64_t v = 0;
    const char *point = NULL;
    for (; p < end; p++) {
        if (*p == '.')
            point = p + 1;
        else
            v = v * 10 + (uint64_t)(*p - '0');
    }
    return point ? (double)v / scale[end - point] : (double)v;
}

/* The bucket of a value, 32 to the octave, linear inside it. */
static uint32_t bucket_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    int64_t i = (int64_t)(bits >> 47) - ((1023 - 3) << 5);
    return i < 0 ? 0 : i >= BUCKETS ? BUCKETS - 1 : (uint32_t)i;
}

static void read_line(const char *p, const char *end, struct floor_sample *s)
{
    const char *colon = memchr(p, ':', (size_t)(end - p));
    const char *bar = memchr(colon, '|', (size_t)(end - colon));
    const char *tags = memchr(bar + 1, '|', (size_t)(end - bar - 1));
    s->value = number(colon + 1, bar);
    s->type = bar[1];
    uint64_t h = XXH3_64bits(p, (size_t)(colon - p));
    if (tags != NULL)
        h = h * 0x9E3779B97F4A7C15ull ^ XXH3_64bits(tags, (size_t)(end - tags));
    s->hash = h ^ (uint64_t)s->type;
}

static struct floor_cell *find(const struct floor_sample *s)
{
    uint64_t i = s->hash >> 32 & mask;
    for (; slots[i] != NULL; i = (i + 1) & mask)
        if (slots[i]->hash == s->hash)
            return slots[i];
    struct floor_cell *c = take(sizeof *c);
    c->hash = s->hash;
    if (s->type == 'm')
        c->buckets = take(BUCKETS * sizeof *c->buckets);
    n_series++;
    return slots[i] = c;
}

static void ingest(const char *p, const char *end)
{
    static struct floor_sample batch[BATCH_MAX];
    int n = 0;
    for (const char *feed; p < end && n < BATCH_MAX; p = feed + 1) {
        feed = memchr(p, '\n', (size_t)(end - p));
        if (feed == NULL)
            feed = end;
        read_line(p, feed, &batch[n]);
        __builtin_prefetch(&slots[batch[n++].hash >> 32 & mask]);
    }
    for (int i = 0; i < n; i++)
        __builtin_prefetch(slots[batch[i].hash >> 32 & mask], 1);
    for (int i = 0; i < n; i++) {
        batch[i].cell = find(&batch[i]);
        if (batch[i].type == 'm')
            __builtin_prefetch(&batch[i].cell->buckets[bucket_of(batch[i].value)], 1);
    }
    for (int i = 0; i < n; i++) {
        struct floor_cell *c = batch[i].cell;
        c->n++;
        c->sum = batch[i].type == 'g' ? batch[i].value : c->sum + batch[i].value;
        if (batch[i].type == 'm')
            c->buckets[bucket_of(batch[i].value)]++;
    }
}

static void measure(uint32_t series)
{
    struct payload load;
    struct micro ns = { 0 };
    struct payload_spec s = { .seed = 1,
                              .series = series,
                              .tags = 3,
                              .tag_values = 50,
                              .bytes = BATCH_BYTES,
                              .packed = 1,
                              .rate = 1,
                              .set_members = 1,
                              .lines = LINES,
                              .prefix = "bench.",
                              .suffix = "",
                              .values = { VALUES_LOGNORMAL, 100, 1 } };
    if (mix_parse(SLICE_LIT("c=60,ms=30,g=10"), &s.mix) < 0 || payload_init(&load, &s) < 0)
        abort();
    for (mask = 1; mask < (uint64_t)series * 2; mask <<= 1) {}
    size_t table_bytes = mask * sizeof *slots;
    slots = huge(table_bytes);
    mask--;
    arena = huge(ARENA_BYTES);
    arena_used = n_series = 0;
    for (int run = 0; run <= MICRO_RUNS; run++) {
        uint64_t from_ns = micro_now_ns();
        for (size_t i = 0; i < load.n; i++)
            ingest(load.bytes + load.datagrams[i].at,
                   load.bytes + load.datagrams[i].at + load.datagrams[i].len);
        if (run > 0) /* the first makes the series */
            micro_add(&ns, (double)(micro_now_ns() - from_ns) / (double)load.lines);
    }
    char name[64];
    snprintf(name, sizeof name, "staged_%u", series);
    micro_print(name, micro_median(&ns), "ns/line");
    if (n_series != series)
        fprintf(stderr, "staged: %zu series instead of %u\n", n_series, series);
    munmap(arena, ARENA_BYTES);
    munmap(slots, table_bytes);
    payload_release(&load);
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
