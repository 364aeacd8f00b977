/**
 * mapping_template: text with references to captures, cut into parts once.
 *
 * The syntax is in aggregate/mapping.h; it is that of Go's Regexp.Expand, but that names are ASCII.
 *
 *   thread   any (a compiled template does not change)
 *   cost     of filling in: one copy of each part
 */
#ifndef AGGREGATE_MAPPING_TEMPLATE_H
#define AGGREGATE_MAPPING_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct mapping_part {
    struct slice text; /* borrowed from the template */
    int32_t capture;   /* or < 0: the text */
    bool or_next;      /* the next part is another group of the same name: the first of them that
                          took part in the match is taken */
};

struct mapping_template {
    struct mapping_part *parts;
    size_t n;
    bool has_text; /* a part that is no capture, so what it makes is never empty */
};

/* returns  the number of the nth group, from 0, of that name; < 0: fewer groups have it */
typedef int32_t mapping_group_of(const void *cookie, struct slice name, size_t nth);

/**
 * mapping_template_init(t, text, group_of, cookie):
 *   text      outlives t
 *   group_of  NULL: there are no names
 */
void mapping_template_init(struct mapping_template *t, const char *text, mapping_group_of *group_of,
                           const void *cookie);
void mapping_template_release(struct mapping_template *t); /* { 0 } is fine */

/* Appends to out; a capture beyond n_captures is empty. */
void mapping_template_fill(const struct mapping_template *t, const struct slice *captures,
                           size_t n_captures, struct buf *out);

/* Would it append nothing? */
bool mapping_template_is_empty(const struct mapping_template *t, const struct slice *captures,
                               size_t n_captures);

#endif
