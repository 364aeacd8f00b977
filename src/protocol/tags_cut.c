#include "protocol/tags_cut.h"

#include <assert.h>
#include <string.h>

#include "protocol/parser.h"

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

/* Of valid UTF-8 without C0: at most `most` characters, none of C1. */
static bool fits_exemplar(struct slice s, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool c1 = c == 0xc2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] < 0xa0;
        if (c < ' ' || c == 0x7f || c1)
            return false;
        n += (c & 0xc0) != 0x80;
    }
    return n > 0 && n <= most;
}

/* returns  false: OpenMetrics allows no exemplar of that value.  ret: ptr NULL: there is none */
static bool exemplar_of(const struct parse_opts *o, struct slice tags, enum tag_style style,
                        struct slice *ret)
{
    struct slice one, key;
    bool more = tags.len > 0;
    *ret = (struct slice){ NULL, 0 };
    while (next_element(&tags, &more, style, &one)) {
        if (!key_of(one, style, &key) || !slice_eq(key, o->exemplar_tag))
            continue;
        const char *value = key.ptr + key.len + 1, *end = one.ptr + one.len;
        *ret = value < end ? slice_of(value, (size_t)(end - value)) : slice_of(end, 0);
    }
    return ret->ptr == NULL || fits_exemplar(*ret, EXEMPLAR_CHARACTERS_MAX - o->exemplar_tag.len);
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

struct slice tags_cut(const struct parser *p, struct batch *b, struct slice tags,
                      enum tag_style style)
{
    struct slice rest = tags, kept = tags, one;
    bool more = tags.len > 0, cut = false;
    char *const room = b->scratch + b->scratch_len, *to = room;
    assert(tags.len <= b->scratch_cap - b->scratch_len);
    while (next_element(&rest, &more, style, &one)) {
        bool drop = is_cut(&p->opts, one, style);
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
    assert(kept.len <= tags.len && (size_t)(to - room) <= tags.len);
    b->scratch_len += (uint32_t)(to - room);
    return kept;
}

static void tell(const struct parse_opts *o, struct slice tags, enum tag_style style,
                 uint32_t sample)
{
    struct slice one;
    bool more = tags.len > 0;
    while (next_element(&tags, &more, style, &one))
        if (is_cut(o, one, style))
            o->on_cut(o->cookie, sample, one);
}

void tags_cut_note(const struct parser *p, struct batch *b, bool rewritten, struct sample *s)
{
    const struct parse_opts *o = &p->opts;
    struct slice tags = slice_of(s->tags, s->tags_len), value = { NULL, 0 };
    enum tag_style style = (enum tag_style)s->tag_style;
    if (o->on_cut != NULL)
        tell(o, tags, style, (uint32_t)(s - b->samples));
    if (o->exemplar_tag.len == 0 || s->type == SAMPLE_SET || s->type == SAMPLE_GAUGE)
        return;
    bool fits = exemplar_of(o, tags, style, &value);
    if (value.ptr == NULL)
        return;
    if (!fits || (rewritten && memchr(value.ptr, '_', value.len) != NULL)) {
        b->counts.exemplars_refused++;
        return;
    }
    s->exemplar = value;
    s->flags |= SAMPLE_EXEMPLAR;
}
