/**
 * identity: what a series is: type, name, sorted tags.  Private to aggregate/.
 *
 * Made by a worker on first sight of a spelling, and handed to the control thread with the page, in
 * whose memory it lies.  The registry keeps a copy, unless the series was there already.
 */
#ifndef AGGREGATE_IDENTITY_H
#define AGGREGATE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/slice.h"
#include "protocol/sample.h"
#include "protocol/tags.h"

struct identity_tag {
    uint32_t hash; /* of its text `k:v`; tuple_hash */
    uint16_t key_len, value_len;
    uint16_t order; /* place in the line it was first seen in */
};

struct identity {
    uint64_t hash;    /* of type, key and n_tags */
    uint32_t key_len; /* of the text `name|#k:v,k2:v2` (`name` alone without tags) */
    uint16_t name_len, n_tags;
    uint32_t name_hash;        /* tuple_hash */
    uint8_t type;              /* enum sample_type */
    struct identity_tag tag[]; /* n_tags, then the text */
};

/* returns  NULL: no memory */
struct identity *identity_new(struct arena *memory, const struct sample *s,
                              const struct tags *tags);

/* 128 bits that are the same for what is the same series (tuple_is), and no spelling's. */
struct hash128 identity_hash128(const struct identity *id);

static inline const char *identity_text(const struct identity *id)
{
    return (const char *)&id->tag[id->n_tags];
}

static inline struct slice identity_key(const struct identity *id)
{
    return slice_of(identity_text(id), id->key_len);
}

static inline struct slice identity_name(const struct identity *id)
{
    return slice_of(identity_text(id), id->name_len);
}

/* The text `k:v` of the i-th tag; *at walks through the text and starts at 0. */
static inline struct slice identity_next_text(const struct identity *id, unsigned i, size_t *at)
{
    const char *p = identity_text(id) + id->name_len + 2 + *at;
    const size_t len = (size_t)id->tag[i].key_len + id->tag[i].value_len + 1;
    *at += len + 1;
    return slice_of(p, len);
}

/* The i-th tag; *at walks through the text and starts at 0. */
static inline struct tag identity_next_tag(const struct identity *id, unsigned i, size_t *at)
{
    const char *p = identity_next_text(id, i, at).ptr;
    return (struct tag){ slice_of(p, id->tag[i].key_len),
                         slice_of(p + id->tag[i].key_len + 1, id->tag[i].value_len),
                         id->tag[i].order };
}

#endif
