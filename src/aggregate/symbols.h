/**
 * symbols: names and tags, each kept once and known by a number.  Private to aggregate/.
 *
 * A million series have a few thousand names and tags among them, so a series keeps numbers
 * (tuple.h).  A symbol counts its users and goes with the last one.
 *
 * A tag is kept as the label that /metrics shows, `key="value"`, from which key and value are cut
 * by their lengths: a key or a value may itself have `=` and quotes in it.  Where escaping changes
 * it (naming.h), the escaped form stands behind the one that was sent.
 *
 *   thread   control; without memory the process ends (base/mem.h)
 *   cost     one more user: a look-up and a comparison, three cache lines that symbols_ahead can
 *            ask for beforehand; of a new symbol also a copy
 */
#ifndef AGGREGATE_SYMBOLS_H
#define AGGREGATE_SYMBOLS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "aggregate/places.h"
#include "base/buf.h"
#include "base/hash.h"
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
    uint64_t gone; /* how often a number became free */
    struct places index;
    struct slabs memory;
    struct buf scratch; /* of look-ups */
};

/* What a symbol is looked for by: a name, or a tag as `key:value`. */
struct symbol_text {
    const char *ptr;
    uint16_t key_len, value_len; /* of a name: its own, and 0 */
    bool is_tag;
};

static inline struct symbol_text symbol_text_name(struct slice name)
{
    assert(name.len <= UINT16_MAX);
    return (struct symbol_text){ .ptr = name.ptr, .key_len = (uint16_t)name.len };
}

static inline struct symbol_text symbol_text_tag(const char *text, uint16_t key_len,
                                                 uint16_t value_len)
{
    return (struct symbol_text){ text, key_len, value_len, true };
}

/* Of a text, however it is cut: two that differ in that alone meet in a table, and are compared. */
static inline uint32_t symbol_text_hash(const struct symbol_text *t)
{
    size_t len = t->is_tag ? (size_t)t->key_len + t->value_len + 1 : t->key_len;
    return (uint32_t)hash64_bytes(t->ptr, len);
}

void symbols_init(struct symbols *ss);
void symbols_release(struct symbols *ss); /* nothing has a user any more */

/* The number of the text's symbol, which has one more user.  hash: symbol_text_hash of it */
uint32_t symbols_use(struct symbols *ss, const struct symbol_text *t, uint32_t hash);

/**
 * symbols_ahead(ss, hash, step):
 * A text of that hash is about to be looked for: ask for one of the lines that it will need.
 *   step     0 to 2, some time apart: each finds its line by what the step before asked for
 */
void symbols_ahead(const struct symbols *ss, uint32_t hash, unsigned step);

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
