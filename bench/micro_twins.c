/*
 * Series that share one line of /metrics and expire in one tick: what the tick costs.
 *
 *     micro_twins [SERIES]
 */
#include "aggregate/registry.h"
#include "aggregate/registry_interval.h"
#include "micro.h"
#include "micro_load.h"

enum { NAME_BITS = 15, TTL_S = 2 };

/* The i-th of 2^15 names that escaping makes one of. */
static size_t put_line(char *to, uint32_t i)
{
    size_t n = 0;
    to[n++] = 'a';
    for (unsigned bit = 0; bit < NAME_BITS; bit++) {
        to[n++] = i >> bit & 1 ? '.' : '/';
        to[n++] = 'x';
    }
    memcpy(to + n, ":1|c", 4);
    return n + 4;
}

static void feed(struct ingest *in, struct parser *parser, struct batch *b, uint32_t series,
                 uint64_t now_ns)
{
    char line[64];
    for (uint32_t i = 0; i < series; i++) {
        parser_begin(parser, line, put_line(line, i), false);
        while (parser_next(parser, b)) {}
        ingest_batch(in, b, now_ns);
        batch_clear(b);
    }
}

static void turn(struct ingest *in, struct registry *r, uint64_t now_ns)
{
    if (!ingest_turn(in, now_ns))
        abort();
    struct page *p = ingest_take(in);
    registry_merge(r, p, now_ns);
    ingest_give(in, p);
}

/* returns  ns of the tick in which all of them go; the worker has dropped its cells already */
static double expire(struct ingest *in, struct parser *parser, struct batch *b, struct registry *r,
                     uint32_t series, uint64_t now_ns)
{
    struct snapshot snap;
    const struct interval_end end = { .interval_ms = 1000, .now_ns = now_ns };
    feed(in, parser, b, series, now_ns);
    turn(in, r, now_ns);
    registry_close(r, &end, &snap);
    (void)registry_give(r, SIZE_MAX);
    now_ns += (TTL_S + 1) * 1000000000ull;
    turn(in, r, now_ns);
    turn(in, r, now_ns);
    uint64_t from_ns = micro_now_ns();
    registry_expire(r, now_ns);
    double ns = (double)(micro_now_ns() - from_ns);
    if (registry_count(r, SERIES_COUNTER) != 0)
        abort();
    return ns;
}

int main(int argc, char **argv)
{
    uint32_t series = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 20000;
    struct series_limit limit;
    struct batch b;
    struct ingest *in;
    struct micro ns = { 0 };
    struct parser *parser = parser_new(&PARSE_OPTS_DEFAULT);
    struct profiles *profiles = profiles_new(&(struct profile){ .sketch_schema = 5,
                                                                .scale = 1,
                                                                .summary_max_age_ms = 600000,
                                                                .summary_age_buckets = 5,
                                                                .ttl_s = TTL_S });
    const struct ingest_opts o = { .tags = TAGS_OPTS_DEFAULT,
                                   .profiles = profiles,
                                   .limit = &limit };
    if (parser == NULL || series > 1u << NAME_BITS || series_limit_init(&limit, series) < 0 ||
        ingest_new(&o, &in) < 0 || batch_init(&b, INGEST_BATCH_MAX, 8192) < 0)
        abort();
    struct registry *r =
        registry_new(&(struct registry_opts){ .profiles = profiles, .limit = &limit });
    for (uint64_t run = 0; run < MICRO_RUNS; run++)
        micro_add(&ns, expire(in, parser, &b, r, series, (run + 1) * 10 * 1000000000));
    char name[64];
    snprintf(name, sizeof name, "expire_twins_%u", series);
    micro_print(name, micro_median(&ns) / 1e6, "ms");
    registry_free(r);
    ingest_free(in);
    batch_release(&b);
    parser_free(parser);
    profiles_free(profiles);
    series_limit_release(&limit);
    return 0;
}
