/**
 * micro_load: the generator's datagrams through parser and ingest, in this process, as a worker
 * would do it.
 *   thread   main
 */
#ifndef BENCH_MICRO_LOAD_H
#define BENCH_MICRO_LOAD_H

#include <stdint.h>
#include <stdlib.h>

#include "aggregate/ingest.h"
#include "base/now.h"
#include "loadgen/payload.h"
#include "protocol/parse.h"

struct micro_load {
    struct payload payload;
    struct parser *parser;
    struct batch batch;
    struct ingest *ingest;
    struct series_limit limit;
    struct profiles *profiles;
};

enum { MICRO_RECEIVE = 64 };   /* datagrams of one receive call */

static inline void micro_load_init(struct micro_load *l, uint32_t series, const char *types,
                                   uint32_t lines, uint32_t datagram_bytes)
{
    struct payload_spec s = { .seed = 1,
                              .series = series,
                              .tags = 3,
                              .tag_values = 50,
                              .bytes = datagram_bytes,
                              .packed = 1,
                              .rate = 1,
                              .set_members = 1000,
                              .lines = lines,
                              .prefix = "bench.",
                              .suffix = "",
                              .values = { VALUES_LOGNORMAL, 100, 1 } };
    static const double quantiles[] = { 0.5, 0.9, 0.99 };
    l->profiles = profiles_new(&(struct profile){ .sketch_schema = 5,
                                                  .quantiles = quantiles,
                                                  .n_quantiles = ARRAY_LEN(quantiles),
                                                  .summary_max_age_ms = 600000,
                                                  .summary_age_buckets = 5 });
    const struct ingest_opts o = { .tags = TAGS_OPTS_DEFAULT,
                                   .profiles = l->profiles,
                                   .limit = &l->limit };
    l->parser = parser_new(&PARSE_OPTS_DEFAULT);
    if (mix_parse(slice_str(types), &s.mix) < 0 || payload_init(&l->payload, &s) < 0 ||
        l->parser == NULL || batch_init(&l->batch, INGEST_BATCH_MAX, 8192) < 0 ||
        series_limit_init(&l->limit, 2000000) < 0 || ingest_new(&o, &l->ingest) < 0)
        abort();
}

static inline void micro_load_release(struct micro_load *l)
{
    ingest_free(l->ingest);
    profiles_free(l->profiles);
    series_limit_release(&l->limit);
    batch_release(&l->batch);
    parser_free(l->parser);
    payload_release(&l->payload);
}

static inline void micro_load_consume(struct micro_load *l, uint64_t now_ns)
{
    ingest_batch(l->ingest, &l->batch, now_ns);
    batch_clear(&l->batch);
}

/* All datagrams once. */
static inline void micro_load_pass(struct micro_load *l, uint64_t now_ns)
{
    for (size_t i = 0; i < l->payload.n; i++) {
        const struct send_datagram *d = &l->payload.datagrams[i];
        parser_begin(l->parser, l->payload.bytes + d->at, d->len, false);
        while (parser_next(l->parser, &l->batch))
            micro_load_consume(l, now_ns);
        if (i % MICRO_RECEIVE == MICRO_RECEIVE - 1)
            micro_load_consume(l, now_ns);
    }
    micro_load_consume(l, now_ns);
}

#endif
