/**
 * name_tags: tags inside the metric name.
 */
#ifndef PROTOCOL_NAME_TAGS_H
#define PROTOCOL_NAME_TAGS_H

#include <stdbool.h>

#include "base/slice.h"
#include "protocol/sample.h"

struct tagged_name {
    struct slice name, tags; /* tags.ptr NULL when the name holds none */
    enum tag_style style;
};

/**
 * name_tags_cut(styles, name, room, ret):
 *   styles   bits of enum name_tags
 *   room     name.len bytes, used when the name is on both sides of its tags
 *   returns  the bytes of room used; slices of ret point into name or room
 */
size_t name_tags_cut(unsigned styles, struct slice name, char *room, struct tagged_name *ret);

/* Whether at least one element of tags is a well-formed k=v. */
bool name_tags_any(struct slice tags, enum tag_style style);

/* How many elements that are not empty does that text have? */
uint32_t name_tags_elements(struct slice tags, enum tag_style style);

#endif
