/**
 * text_index: numbers by text, each text below a number: (parent, text) -> value.
 *
 * The texts are borrowed.
 *   thread   the owner's      cost  one probe
 */
#ifndef CONFIG_TEXT_INDEX_H
#define CONFIG_TEXT_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define TEXT_INDEX_NONE UINT32_MAX

struct text_index_entry;

struct text_index {
    struct text_index_entry *at;
    size_t n, cap; /* cap is 0 or a power of two */
};

/* { 0 } is an empty one. */
void text_index_release(struct text_index *ix);

/* returns  TEXT_INDEX_NONE: it is not there */
uint32_t text_index_find(const struct text_index *ix, uint32_t parent, struct slice text);

/* returns  the value that is there; value itself when it was not, and now is */
uint32_t text_index_add(struct text_index *ix, uint32_t parent, struct slice text, uint32_t value);

#endif
