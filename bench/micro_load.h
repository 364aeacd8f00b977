/**
 * micro_load: the generator's datagrams through parser and ingest, in this process, as a worker
 * would do it.
 *   thread   main
 */
#ifndef BENCH_MICRO_LOAD_H
#define BENCH_MICRO_LOAD_H

#include <stdint.h>
#include <stdlib.h>

#include "aggregate/lane.h"
#include "base/now.h"
#include "loadgen/payload.h"
#include "micro_cpu.h"

struct micro_load {
    struct payload payload;
    struct lane *lane;
    struct lane_source source;
    char *bytes;           /* the payload's, padded as receive buffers are */
    struct ingest *ingest; /* the lane's */
    struct series_limit limit;
    struct profiles *profiles;
};

enum { MICRO_RECEIVE = 64 }; /* datagrams of one receive call */

/* One more lane, which shares l's limit and profiles with the others as a worker's does. */
static inline struct lane *micro_load_lane(struct micro_load *l)
{
    const struct lane_opts o = {
        .parse = PARSE_OPTS_DEFAULT,
        .ingest = { .tags = TAGS_OPTS_DEFAULT, .profiles = l->profiles, .limit = &l->limit },
    };
    struct lane *lane;
    if (lane_new(&o, &lane) < 0)
        abort();
    return lane;
}

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
    micro_cpu();
    static const double quantiles[] = { 0.5, 0.9, 0.99 };
    l->profiles = profiles_new(&(struct profile){ .sketch_schema = 5,
                                                  .scale = 1,
                                                  .quantiles = quantiles,
                                                  .n_quantiles = ARRAY_LEN(quantiles),
                                                  .summary_max_age_ms = 600000,
                                                  .summary_age_buckets = 5 });
    if (mix_parse(slice_str(types), &s.mix) < 0 || payload_init(&l->payload, &s) < 0 ||
        series_limit_init(&l->limit, 2000000) < 0)
        abort();
    l->lane = micro_load_lane(l);
    const struct send_datagram *end = &l->payload.datagrams[l->payload.n - 1];
    size_t bytes = end->at + end->len;
    l->bytes = calloc(1, PARSE_PAD_BEFORE + bytes + PARSE_PAD_BEHIND);
    if (l->bytes == NULL)
        abort();
    memcpy(l->bytes + PARSE_PAD_BEFORE, l->payload.bytes, bytes);
    l->ingest = lane_ingest(l->lane);
    l->source = (struct lane_source){ .gauge_sign = GAUGE_SIGN_AUTO };
}

static inline void micro_load_release(struct micro_load *l)
{
    lane_free(l->lane);
    profiles_free(l->profiles);
    series_limit_release(&l->limit);
    free(l->bytes);
    payload_release(&l->payload);
}

/* All datagrams once into a lane, each receive call's read at the same moment. */
static inline void micro_load_into(const struct micro_load *l, struct lane *lane,
                                   struct lane_source *source, uint64_t now_ns)
{
    for (size_t i = 0; i < l->payload.n; i++) {
        const struct send_datagram *d = &l->payload.datagrams[i];
        if (i % MICRO_RECEIVE == 0) {
            lane_flush(lane);
            lane_begin(lane, source, (struct lane_clock){ .now_ns = now_ns });
        }
        const char *ptr = l->bytes + PARSE_PAD_BEFORE + d->at;
        lane_datagram(lane, &(struct lane_datagram){ .ptr = ptr, .len = d->len, .padded = true });
    }
    lane_flush(lane);
}

static inline void micro_load_pass(struct micro_load *l, uint64_t now_ns)
{
    micro_load_into(l, l->lane, &l->source, now_ns);
}

#endif
