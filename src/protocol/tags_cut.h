/**
 * tags_cut: tags whose keys are cut out of lines (parse_opts.h): the raw tags without them, and
 * what becomes of the exemplar tag.
 */
#ifndef PROTOCOL_TAGS_CUT_H
#define PROTOCOL_TAGS_CUT_H

#include <stdbool.h>

#include "base/slice.h"
#include "protocol/sample.h"

struct parser;

/**
 * tags_cut(p, b, tags, style):
 *   tags      raw tags, in that style
 *   returns   those that are kept, in their order; they point into tags, or, when tags on both
 *             sides of a cut one are kept, into b's scratch, which has room for them
 *   cost      one pass; a comparison of each tag with each key of its length
 */
struct slice tags_cut(const struct parser *p, struct batch *b, struct slice tags,
                      enum tag_style style);

/**
 * tags_cut_note(p, b, rewritten, s):
 * Give s, which has its type and all its raw tags, its exemplar: the value of the last tag of
 * parse_opts.exemplar_tag.  One that OpenMetrics does not allow is counted instead: it is empty,
 * has a control character, or more than EXEMPLAR_CHARACTERS_MAX together with the key.  Then call
 * on_cut for each tag that tags_cut leaves out.
 *   rewritten   control characters of the line became '_': no exemplar has one then
 */
void tags_cut_note(const struct parser *p, struct batch *b, bool rewritten, struct sample *s);

#endif
