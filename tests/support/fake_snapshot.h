/**
 * fake_snapshot: a closed interval out of an array, for tests of sinks.
 *
 *     struct fake_snapshot f;
 *     fake_snapshot_init(&f, 1700000000);
 *     fake_snapshot_counter(&f, "hits|#env:prod", 3);
 *     fake_snapshot_give(&f, sink, false);
 *     fake_snapshot_release(&f);
 */
#ifndef SUPPORT_FAKE_SNAPSHOT_H
#define SUPPORT_FAKE_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "aggregate/snapshot.h"
#include "sinks/redis/encode.h"
#include "sinks/sink.h"

struct fake_snapshot {
    struct snapshot snap;
    struct closed_series *rows;
    size_t cap;
};

void fake_snapshot_init(struct fake_snapshot *f, int64_t start_s);
void fake_snapshot_release(struct fake_snapshot *f);

/* key is copied; sketch and members are the snapshot's: add to them what the interval saw. */
void fake_snapshot_counter(struct fake_snapshot *f, const char *key, double sum);
void fake_snapshot_gauge(struct fake_snapshot *f, const char *key, struct gauge_change change);
void fake_snapshot_rule(struct fake_snapshot *f, enum gauge_merge rule); /* of the last gauge */
struct sketch *fake_snapshot_timer(struct fake_snapshot *f, const char *key, int schema);
struct members *fake_snapshot_set(struct fake_snapshot *f, const char *key);

void fake_snapshot_each(const struct fake_snapshot *f, closed_series_fn fn, void *cookie);

/* All of it, from begin to end: to a sink, or to an encoder. */
void fake_snapshot_give(const struct fake_snapshot *f, struct sink *s, bool final);
void fake_snapshot_encode(const struct fake_snapshot *f, struct redis_encode *e, uint32_t life_s,
                          redis_encode_take_fn take, void *cookie);

#endif
