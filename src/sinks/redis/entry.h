/**
 * redis_entry: an event or a service check as one XADD, serialised once.
 *
 *   XADD {sd:events}:log MAXLEN ~ 10000 * id .. instance .. received_ms .. title .. text ..
 *   XADD {sd:checks}:log MAXLEN ~ 10000 * id .. instance .. received_ms .. name .. status ..
 *
 * docs/redis.md has the fields.  All values are text; tags are a JSON array.  A field that did not
 * come is left out.  The same bytes are sent each time: two entries of one id are one event that
 * was sent twice.
 *
 *   thread   one owner
 */
#ifndef SINKS_REDIS_ENTRY_H
#define SINKS_REDIS_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/event_log.h"
#include "base/buf.h"
#include "sinks/redis/cargo.h"

struct redis_entry {
    enum redis_cargo cargo; /* first */
    uint8_t kind;           /* enum event_kind */
    uint8_t place;          /* of its stream (keys.h) */
    /* Written by redis_append. */
    bool in_flight;
    bool unsure; /* a connection ended before its answer */
    struct redis_entry *next, *prev;
    size_t len;
    char bytes[];
};

/* What is the same in all entries of a server.  Borrowed texts, which outlive the use. */
struct redis_entry_origin {
    const char *prefix;   /* of the keys */
    const char *instance; /* field `instance` */
    const char *id;       /* of the process; field `id` is it and the seq of the entry: ID-17 */
    uint32_t max_entries; /* MAXLEN, > 0 */
};

/* returns  a new entry; free it with free() */
struct redis_entry *redis_entry_new(const struct redis_entry_origin *o,
                                    const struct event_entry *e);

/* Appends the key of the stream of a kind to out, as in {sd:events}:log. */
void redis_entry_key(const char *prefix, enum event_kind k, struct buf *out);

#endif
