/**
 *   mapping_narrow_glob
 *     take_item          a letter, a class, \w and \d, a dot between components, groups, |
 *     end_component      a component that may be more than one text becomes *
 */
#include "config/mapping_narrow.h"

#include <string.h>

struct narrow {
    struct slice rest; /* of the regex, without ^ and $ */
    struct buf *out;
    size_t component;        /* where the last one begins in out */
    bool varies;             /* it may be more than one text */
    bool in_group;           /* none is in another */
    bool separates, chooses; /* the group has a dot, a | */
};

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void skip(struct narrow *n, size_t bytes)
{
    n->rest = slice_of(n->rest.ptr + bytes, n->rest.len - bytes);
}

static bool skip_to(struct narrow *n, char c)
{
    const char *at = memchr(n->rest.ptr, c, n->rest.len);
    if (at == NULL)
        return false;
    skip(n, (size_t)(at - n->rest.ptr) + 1);
    return true;
}

/* Of a count as `{1,2}` at the front; 0: there is none, as a { may stand for itself. */
static size_t braced(struct slice s)
{
    size_t i = 1;
    while (i < s.len && ((s.ptr[i] >= '0' && s.ptr[i] <= '9') || s.ptr[i] == ','))
        i++;
    return s.ptr[0] == '{' && i > 1 && i < s.len && s.ptr[i] == '}' ? i + 1 : 0;
}

/* returns  whether there is one */
static bool take_count(struct narrow *n)
{
    bool one = n->rest.len > 0 && memchr("*+?", n->rest.ptr[0], 3) != NULL;
    size_t bytes = one ? 1 : n->rest.len > 0 ? braced(n->rest) : 0;
    if (bytes == 0)
        return false;
    skip(n, bytes);
    if (n->rest.len > 0 && n->rest.ptr[0] == '?')
        skip(n, 1);
    return true;
}

/* Inside of the brackets.  returns  whether no dot is in the class */
static bool is_without_dot(struct slice class)
{
    bool other = slice_starts(class, SLICE_LIT("^"));
    if (other)
        return memchr(class.ptr, '.', class.len) != NULL;
    for (size_t i = 0; i < class.len; i++) {
        char c = class.ptr[i], before = i > 0 ? class.ptr[i - 1] : '\0';
        if (!is_word(c) && (c != '-' || before == '-'))
            return false;
    }
    return true;
}

static bool take_class(struct narrow *n)
{
    const char *from = n->rest.ptr + 1, *end = memchr(from, ']', n->rest.len - 1);
    if (end == NULL)
        return false;
    struct slice class = slice_of(from, (size_t)(end - from));
    if (class.len == 0 || memchr(class.ptr, '[', class.len) != NULL ||
        memchr(class.ptr, '\\', class.len) != NULL || slice_eq(class, SLICE_LIT("^")))
        return false;
    skip(n, class.len + 2);
    take_count(n);
    n->varies = true;
    return is_without_dot(class);
}

static void end_component(struct narrow *n)
{
    if (n->varies) {
        n->out->len = n->component;
        buf_append_char(n->out, '*');
    }
    n->varies = false;
}

static void take_letter(struct narrow *n, char c)
{
    buf_append_char(n->out, c);
    n->varies = take_count(n) || n->varies;
}

static bool take_escape(struct narrow *n)
{
    char c = n->rest.len > 1 ? n->rest.ptr[1] : 'z';
    skip(n, n->rest.len > 1 ? 2 : 1);
    if (c == '.') {
        end_component(n);
        buf_append_char(n->out, '.');
        n->component = n->out->len;
        n->separates = true;
        return !take_count(n);
    }
    if (c == 'w' || c == 'd') {
        take_count(n);
        n->varies = true;
        return true;
    }
    if (is_word(c) || (unsigned char)c >= 0x80)
        return false;
    take_letter(n, c);
    return true;
}

static bool take_open(struct narrow *n)
{
    bool named = slice_starts(n->rest, SLICE_LIT("(?P<")) ||
                 (slice_starts(n->rest, SLICE_LIT("(?<")) && n->rest.len > 3);
    if (n->in_group)
        return false;
    n->in_group = true;
    n->separates = n->chooses = false;
    if (named)
        return skip_to(n, '>');
    if (slice_starts(n->rest, SLICE_LIT("(?:"))) {
        skip(n, 3);
        return true;
    }
    skip(n, 1);
    return n->rest.len > 0 && n->rest.ptr[0] != '?';
}

static bool take_close(struct narrow *n)
{
    skip(n, 1);
    bool several = take_count(n) || n->chooses;
    n->varies = n->varies || several;
    bool ok = n->in_group && !(several && n->separates);
    n->in_group = n->chooses = false;
    return ok;
}

static bool take_item(struct narrow *n)
{
    char c = n->rest.ptr[0];
    switch (c) {
    case '(':
        return take_open(n);
    case ')':
        return take_close(n);
    case '|':
        n->chooses = true;
        skip(n, 1);
        return n->in_group;
    case '[':
        return take_class(n);
    case '\\':
        return take_escape(n);
    case '.':
    case '^':
    case '$':
    case '*':
    case '+':
    case '?':
    case '{':
        return false;
    default:
        skip(n, 1);
        take_letter(n, c);
        return true;
    }
}

bool mapping_narrow_glob(struct slice regex, struct buf *out)
{
    if (regex.len < 2 || regex.ptr[0] != '^' || !slice_ends(regex, SLICE_LIT("$")))
        return false;
    struct narrow n = { .rest = slice_of(regex.ptr + 1, regex.len - 2),
                        .out = out,
                        .component = out->len };
    while (n.rest.len > 0) {
        if (!take_item(&n))
            return false;
    }
    end_component(&n);
    return !n.in_group;
}
