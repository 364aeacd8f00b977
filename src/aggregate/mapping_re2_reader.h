/**
 * mapping_re2_reader: what the files that read a regex share: mapping_re2.c (items and
 * groups), mapping_re2_escape.c and mapping_re2_class.c.
 */
#ifndef AGGREGATE_MAPPING_RE2_READER_H
#define AGGREGATE_MAPPING_RE2_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum { MAPPING_RE2_DEPTH_MAX = 200 };

struct mapping_re2;

/* The items since the last `(`. */
struct mapping_re2_level {
    const char *begin; /* the `(` */
    bool fold;         /* (?i) before it */
    unsigned times;    /* the most that nested counts in it multiply to */
};

struct mapping_re2_reader {
    const char *begin, *at, *end; /* valid UTF-8 */
    struct mapping_re2 *re;
    struct buf *pattern; /* of re: what is written so far */
    struct buf *why;
    bool fold;      /* (?i) is on */
    bool item;      /* what stands before can be repeated */
    bool repeated;  /* what stands before is a repetition */
    unsigned times; /* of the item before, as in a level */
    unsigned depth;
    struct mapping_re2_level levels[MAPPING_RE2_DEPTH_MAX + 1];
};

/* Tell that what stands from `from` up to r->at is wrong.  returns  false */
bool mapping_re2_refuse(struct mapping_re2_reader *r, const char *from, const char *text);

/* Why what stands at r->at, which begins with "(?", is no group.  returns  false */
bool mapping_re2_refuse_group(struct mapping_re2_reader *r);

bool mapping_re2_is_alnum(uint32_t c); /* in ASCII */

static inline bool mapping_re2_sees(const struct mapping_re2_reader *r, struct slice text)
{
    return slice_starts(slice_of(r->at, (size_t)(r->end - r->at)), text);
}

/* \. \x41 \012 ...: one character.  r->at is at the backslash. */
bool mapping_re2_escape(struct mapping_re2_reader *r, uint32_t *ret);

/* The character at r->at, which is not at the end. */
uint32_t mapping_re2_character(struct mapping_re2_reader *r);

/* c as itself, in a class or out of it. */
void mapping_re2_put(struct mapping_re2_reader *r, uint32_t c);

/* [...]; r->at is at the bracket. */
bool mapping_re2_class(struct mapping_re2_reader *r);

/**
 * mapping_re2_class_escape(r, in_class, ret):
 * \d \pN ...; r->at is at a backslash.
 *   ret      it was one, else nothing was read
 *   returns  false: refused
 */
bool mapping_re2_class_escape(struct mapping_re2_reader *r, bool in_class, bool *ret);

#endif
