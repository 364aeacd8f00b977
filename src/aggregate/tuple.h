/**
 * tuple: an identity as a registry's series keeps it, by symbols.  Private to aggregate/.
 *
 *     | n_tags | type | profile | name | tag | tag ... | place | place ... |
 *                                `- symbols.h -'        `- of each tag in its line
 *
 * 24 bytes with three tags.
 *   thread   control
 */
#ifndef AGGREGATE_TUPLE_H
#define AGGREGATE_TUPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/identity.h"
#include "aggregate/symbols.h"
#include "base/buf.h"

struct tuple {
    uint16_t n_tags;
    uint8_t type : 7;  /* enum sample_type */
    uint8_t wide : 1;  /* places are of two bytes */
    uint8_t profile;   /* number of the series' profile, for which there is room here */
    uint32_t symbol[]; /* the name, n_tags tags sorted by key; then the places */
};

size_t tuple_bytes_for(const struct identity *id);
size_t tuple_bytes(const struct tuple *t);

/* The hashes of its texts, which tuple_init and tuple_ahead need. */
void tuple_hash(struct identity *id);

/* A tuple_init is about to come: symbols_ahead of each text. */
void tuple_ahead(const struct symbols *ss, const struct identity *id, unsigned step);

/* t has room for tuple_bytes_for(id); until tuple_release it uses the symbols.  Profile 0 */
void tuple_init(struct tuple *t, struct symbols *ss, const struct identity *id);
void tuple_release(struct tuple *t, struct symbols *ss);

bool tuple_is(const struct tuple *t, const struct symbols *ss, const struct identity *id);

static inline struct slice tuple_name(const struct tuple *t, const struct symbols *ss)
{
    return symbol_name(symbols_at(ss, t->symbol[0]));
}

static inline const struct symbol *tuple_symbol(const struct tuple *t, const struct symbols *ss,
                                                unsigned tag)
{
    assert(tag < t->n_tags);
    return symbols_at(ss, t->symbol[1 + tag]);
}

struct tag tuple_tag(const struct tuple *t, const struct symbols *ss, unsigned tag);

/* Append `name|#k:v,k2:v2` (`name` alone without tags). */
void tuple_key(const struct tuple *t, const struct symbols *ss, struct buf *out);

#endif
