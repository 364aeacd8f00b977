/*
 * The totals of a shard that strangers wrote to, on their way to /cluster/metrics: twice, as the
 * second reading meets what the first one left behind.  A byte says how timers are shown; then
 * fields: a byte each of how long name and value are, the two.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/shard.h"
#include "base/slice.h"
#include "expose/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MOST = 50 };

static const double bounds[] = { -1, 0.5, 100 }, quantiles[] = { 0.5, 0.99 };

static void read_fields(struct cluster_shard *s, const uint8_t *data, size_t n)
{
    while (n >= 2) {
        size_t name = data[0], value = data[1];
        data += 2;
        n -= 2;
        name = name < n ? name : n;
        value = value < n - name ? value : n - name;
        char *exact = malloc(name + value + 1);
        if (exact == NULL)
            abort();
        memcpy(exact, data, name + value);
        cluster_shard_field(s, slice_of(exact, name), slice_of(exact + name, value));
        free(exact);
        data += name + value;
        n -= name + value;
    }
}

static struct profiles *shaped(uint8_t shape)
{
    const struct profile p = { .histogram = (shape & 1) != 0,
                               .sketch_schema = 5,
                               .buckets = bounds,
                               .n_buckets = ARRAY_LEN(bounds),
                               .native_factor = (shape & 2) != 0 ? 1.1 : 0,
                               .native_zero_threshold = -1,
                               .quantiles = quantiles,
                               .n_quantiles = ARRAY_LEN(quantiles),
                               .summary_max_age_ms = 600000,
                               .summary_age_buckets = 5,
                               .ttl_s = (shape & 8) != 0 ? 60 : 0,
                               .scale = (shape & 16) != 0 ? -0.5 : 1 };
    return profiles_new(&p);
}

static void render(struct registry *r, uint64_t now_ns)
{
    for (unsigned i = 0; i < WRITER_COUNT; i++) {
        struct writer *w = writers[i]->open(&(struct writer_opts){ .registry = r });
        struct buf out = { 0 };
        render_all(w, r, now_ns, &out);
        w->ops->close(w);
        buf_release(&out);
    }
}

static void fill(struct cluster_memory *m, uint8_t shape, const uint8_t *data, size_t n,
                 uint64_t now_s)
{
    const uint64_t now_ns = now_s * 1000000000;
    struct profiles *profiles = shaped(shape);
    struct registry *r =
        registry_new(&(struct registry_opts){ .profiles = profiles, .suffixes = shape & 4 });
    struct cluster_shard s = { .n = 0 };
    cluster_memory_begin(m, now_ns, false);
    struct cluster_totals to = { .to = registry_fill(r, MOST, now_ns),
                                 .memory = m,
                                 .now_ms = 1700000100000,
                                 .instance_label = (shape & 32) != 0 };
    read_fields(&s, data, n);
    if (!cluster_shard_put(&s, &to))
        abort();
    registry_filled(to.to);
    cluster_memory_end(m, !to.fell);
    assert(registry_filled_series(r) <= MOST);
    render(r, now_ns);
    buf_release(&to.scratch);
    registry_free(r);
    profiles_free(profiles);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct cluster_memory m = { .window_ns = 600 * 1000000000ull };
    if (n == 0)
        return 0;
    fill(&m, data[0], data + 1, n - 1, 1000);
    fill(&m, data[0], data + 1, (n - 1) / 2, 1100);
    fill(&m, data[0], data + 1, n - 1, 1200);
    cluster_memory_release(&m);
    return 0;
}
