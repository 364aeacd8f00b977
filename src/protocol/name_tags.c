#include "protocol/name_tags.h"

#include <assert.h>
#include <string.h>

#include "protocol/parse_opts.h"

/* name[k=v,..]rest.  true: the name has a bracket, and no other style is tried. */
static bool cut_brackets(struct slice name, char *room, size_t *used, struct tagged_name *ret)
{
    const char *open = memchr(name.ptr, '[', name.len);
    const char *close = memchr(name.ptr, ']', name.len);
    if (open == NULL && close == NULL)
        return false;
    if (open == NULL || close == NULL || close < open)
        return true;
    size_t before = (size_t)(open - name.ptr);
    size_t after = name.len - before - (size_t)(close + 1 - open);
    ret->tags = slice_of(open + 1, (size_t)(close - open - 1));
    ret->style = TAGS_EQ_COMMA;
    if (after == 0) {
        ret->name = slice_of(name.ptr, before);
    } else if (before == 0) {
        ret->name = slice_of(close + 1, after);
    } else {
        memcpy(room, name.ptr, before);
        memcpy(room + before, close + 1, after);
        assert(before + after < name.len);
        ret->name = slice_of(room, before + after);
        *used = before + after;
    }
    return true;
}

size_t name_tags_cut(unsigned styles, struct slice name, char *room, struct tagged_name *ret)
{
    size_t used = 0;
    *ret = (struct tagged_name){ .name = name, .style = TAGS_DOG };
    if ((styles & NAME_TAGS_SIGNALFX) && cut_brackets(name, room, &used, ret))
        return used;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if ((c == '#' && (styles & NAME_TAGS_LIBRATO)) ||
            (c == ',' && (styles & NAME_TAGS_INFLUX)) ||
            (c == ';' && (styles & NAME_TAGS_GRAPHITE))) {
            ret->name = slice_of(name.ptr, i);
            ret->tags = slice_of(name.ptr + i + 1, name.len - i - 1);
            ret->style = c == ';' ? TAGS_EQ_SEMI : TAGS_EQ_COMMA;
            break;
        }
    }
    return used;
}

bool name_tags_any(struct slice tags, enum tag_style style)
{
    char separator = style == TAGS_EQ_SEMI ? ';' : ',';
    bool more = true;
    while (more) {
        struct slice one = tags, key;
        more = slice_cut(&tags, separator, &one);
        if (slice_cut(&one, '=', &key) && key.len > 0 && one.len > 0)
            return true;
    }
    return false;
}

uint32_t name_tags_elements(struct slice tags, enum tag_style style)
{
    char separator = style == TAGS_EQ_SEMI ? ';' : ',';
    uint32_t n = 0;
    bool more = true;
    while (more) {
        struct slice one = tags;
        more = slice_cut(&tags, separator, &one);
        n += one.len > 0;
    }
    return n;
}
