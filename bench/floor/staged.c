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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "floor.h"

enum { BATCH_MAX = 1024, ARENA_BYTES = 2047 << 20 };

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
        c->buckets = take(FLOOR_BUCKETS * sizeof *c->buckets);
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
            __builtin_prefetch(&batch[i].cell->buckets[floor_bucket_of(batch[i].value)], 1);
    }
    for (int i = 0; i < n; i++) {
        struct floor_cell *c = batch[i].cell;
        c->n++;
        c->sum = batch[i].type == 'g' ? batch[i].value : c->sum + batch[i].value;
        if (batch[i].type == 'm')
            c->buckets[floor_bucket_of(batch[i].value)]++;
    }
}

static void measure(uint32_t series)
{
    size_t table_bytes = floor_slots_for(series) * sizeof *slots;
    mask = floor_slots_for(series) - 1;
    slots = floor_huge(table_bytes);
    arena = floor_huge(ARENA_BYTES);
    arena_used = n_series = 0;
    floor_measure("staged", series, ingest);
    if (n_series != series)
        fprintf(stderr, "staged: %zu series instead of %u\n", n_series, series);
    floor_huge_free(arena, ARENA_BYTES);
    floor_huge_free(slots, table_bytes);
}

int main(int argc, char **argv)
{
    return floor_main(argc, argv, measure);
}
