/**
 * symbols: names and tags, each kept once and known by a number.  Private to aggregate/.
 *
 * A million series have a few thousand names and tags among them, so a series keeps numbers
 * (tuple.h).  A symbol counts its users and goes with the last one.
 *
 * A tag is kept as the label that /metrics shows, `key="value"`, from which key and value are cut.
 * Where escaping changes it (naming.h), the escaped form stands behind the one that was sent.
 *
 *   thread   control; without memory the process ends (base/mem.h)
 *   cost     one more user: a hash, a look-up, a comparison; of a new symbol also a copy
 */
#ifndef AGGREGATE_SYMBOLS_H
#define AGGREGATE_SYMBOLS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "aggregate/places.h"
#include "base/buf.h"
#include "base/slabs.h"
#include "base/slice.h"

struct symbol {
    uint32_t users : 31;
    uint32_t is_tag : 1;  /* or a name */
    uint32_t escaped_len; /* of the label behind the text; 0: the text is the label */
    uint16_t key_len;     /* or of the name */
    uint16_t value_len;
    char text[]; /* a name, or `key="value"` */
};

union symbols_entry {
    struct symbol *symbol;
    uintptr_t next_free; /* the number of the next free entry; 0: there is none */
};

struct symbols {
    union symbols_entry *at; /* by number, from 1 */
    uint32_t *hashes;        /* of each, likewise: an index that grows asks for all of them */
    size_t cap, cap_hashes;
    uint32_t end;  /* numbers below it were given out once */
    uint32_t free; /* the first of those that are free again */
    struct places index;
    struct slabs memory;
    struct buf scratch; /* of look-ups */
};

void symbols_init(struct symbols *ss);
void symbols_release(struct symbols *ss); /* nothing has a user any more */

/* The number of the name, or of the tag, which has one more user. */
uint32_t symbols_name(struct symbols *ss, struct slice name);
uint32_t symbols_tag(struct symbols *ss, struct slice key, struct slice value);

/* It has one user less. */
void symbols_drop(struct symbols *ss, uint32_t number);

size_t symbols_count(const struct symbols *ss);

/* Valid as long as it has a user. */
static inline const struct symbol *symbols_at(const struct symbols *ss, uint32_t number)
{
    assert(number > 0 && number < ss->end);
    return ss->at[number].symbol;
}

static inline struct slice symbol_name(const struct symbol *s)
{
    return slice_of(s->text, s->key_len);
}

static inline struct slice symbol_key(const struct symbol *s)
{
    return slice_of(s->text, s->key_len);
}

static inline struct slice symbol_value(const struct symbol *s)
{
    return slice_of(s->text + s->key_len + 2, s->value_len);
}

/* Of a tag, `key="value"`, escaped. */
static inline struct slice symbol_label(const struct symbol *s)
{
    size_t sent = (size_t)s->key_len + s->value_len + 3;
    if (__builtin_expect(s->escaped_len != 0, 0))
        return slice_of(s->text + sent, s->escaped_len);
    return slice_of(s->text, sent);
}

#endif
