#include "protocol/tags_cut.h"

#include <assert.h>
#include <string.h>

/* The next element of *rest, as it stands there.  false: there was none */
static bool next_element(struct slice *rest, bool *more, enum tag_style style, struct slice *ret)
{
    if (!*more)
        return false;
    *ret = *rest;
    *more = slice_cut(rest, style == TAGS_EQ_SEMI ? ';' : ',', ret);
    return true;
}

/* An element as tags_parse reads it: key and value, or a key alone in the style of DogStatsD. */
static bool key_of(struct slice one, enum tag_style style, struct slice *ret)
{
    if (style == TAGS_DOG && one.len > 0 && one.ptr[0] == '#')
        one = slice_of(one.ptr + 1, one.len - 1);
    if (slice_cut(&one, style == TAGS_DOG ? ':' : '=', ret))
        return true;
    *ret = one;
    return style == TAGS_DOG;
}

static bool is_cut(const struct parse_opts *o, struct slice one, enum tag_style style)
{
    struct slice key;
    if (!key_of(one, style, &key) || key.len == 0)
        return false;
    for (uint32_t i = 0; i < o->n_cut; i++)
        if (o->cut[i].prefix ? slice_starts(key, o->cut[i].key) : slice_eq(key, o->cut[i].key))
            return true;
    return false;
}

static char *put(char *to, struct slice s)
{
    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    return to + s.len;
}

struct slice tags_cut(const struct parse_opts *o, struct slice tags, enum tag_style style,
                      char *room, size_t *ret_used)
{
    struct slice rest = tags, kept = tags, one;
    bool more = tags.len > 0, cut = false;
    char *to = room;
    while (next_element(&rest, &more, style, &one)) {
        bool drop = is_cut(o, one, style);
        if (drop && !cut) { /* what is in front of it, without the separator */
            size_t before = (size_t)(one.ptr - tags.ptr);
            kept = slice_of(tags.ptr, before > 0 ? before - 1 : 0);
        }
        cut = cut || drop;
        if (drop || !cut || one.len == 0)
            continue;
        if (kept.len == 0 && to == room) { /* may be all that is kept */
            kept = one;
            continue;
        }
        if (to == room)
            to = put(to, kept);
        *to++ = style == TAGS_EQ_SEMI ? ';' : ',';
        to = put(to, one);
        kept = slice_of(room, (size_t)(to - room));
    }
    *ret_used = (size_t)(to - room);
    assert(kept.len <= tags.len && *ret_used <= tags.len);
    return kept;
}

void tags_cut_tell(const struct parse_opts *o, struct slice tags, enum tag_style style,
                   uint32_t sample)
{
    struct slice one;
    bool more = tags.len > 0;
    while (next_element(&tags, &more, style, &one))
        if (is_cut(o, one, style))
            o->on_cut(o->cookie, sample, one);
}
