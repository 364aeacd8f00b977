/**
 * tags_cut: raw tags without those whose keys are cut out of lines (parse_opts.h).
 */
#ifndef PROTOCOL_TAGS_CUT_H
#define PROTOCOL_TAGS_CUT_H

#include <stddef.h>

#include "base/slice.h"
#include "protocol/parse_opts.h"
#include "protocol/sample.h"

/**
 * tags_cut(o, tags, style, room, ret_used):
 *   tags       raw tags of a sample, in that style
 *   room       tags.len bytes, used when tags on both sides of a cut one are kept
 *   ret_used   the bytes of room used
 *   returns    the tags that are kept, in their order; they point into tags or room
 *   cost       one pass; a comparison of each tag with each key of its length
 */
struct slice tags_cut(const struct parse_opts *o, struct slice tags, enum tag_style style,
                      char *room, size_t *ret_used);

/* Call o->on_cut for each tag that tags_cut leaves out.  sample: its place in the batch. */
void tags_cut_tell(const struct parse_opts *o, struct slice tags, enum tag_style style,
                   uint32_t sample);

#endif
