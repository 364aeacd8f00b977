#include "cmd/redis/pattern.h"

#include "sinks/redis_field.h"

/* Backtracks to the last * alone, so the time is at most the product of both lengths. */
static bool fits(struct slice p, struct slice s)
{
    size_t i = 0, k = 0, star = p.len, from = 0; /* star: behind the last *; p.len: none so far */
    bool starred = false;
    while (k < s.len) {
        if (i < p.len && p.ptr[i] == '*') {
            star = ++i;
            from = k;
            starred = true;
        } else if (i < p.len && (p.ptr[i] == '?' || p.ptr[i] == s.ptr[k])) {
            i++;
            k++;
        } else if (starred) {
            i = star;
            k = ++from;
        } else {
            return false;
        }
    }
    while (i < p.len && p.ptr[i] == '*')
        i++;
    return i == p.len;
}

bool pattern_parse(const char *text, struct pattern *ret)
{
    const char *at = strstr(text, "|#");
    *ret = (struct pattern){ .name = slice_str(text), .has_tags = at != NULL };
    if (at != NULL) {
        ret->name.len = (size_t)(at - text);
        ret->tags = slice_str(at + 2);
    }
    return ret->name.len > 0;
}

bool pattern_is_exact(const struct pattern *p)
{
    return memchr(p->name.ptr, '*', p->name.len) == NULL &&
           memchr(p->name.ptr, '?', p->name.len) == NULL;
}

/* The front of *rest up to the next comma.  returns  false: nothing is left */
static bool next_tag(struct slice *rest, struct slice *ret)
{
    if (rest->len == 0)
        return false;
    if (!slice_cut(rest, ',', ret)) {
        *ret = *rest;
        rest->len = 0;
    }
    return true;
}

static bool has_tag(struct slice tags, struct slice wanted)
{
    struct slice tag;
    while (next_tag(&tags, &tag))
        if (fits(wanted, tag))
            return true;
    return false;
}

bool pattern_matches(const struct pattern *p, struct slice series)
{
    struct slice wanted = p->tags, tags = redis_series_tags(series), tag;
    if (!fits(p->name, redis_series_name(series)))
        return false;
    if (p->has_tags && p->tags.len == 0)
        return tags.len == 0;
    while (next_tag(&wanted, &tag))
        if (!has_tag(tags, tag))
            return false;
    return true;
}

void pattern_for_redis(const struct pattern *p, struct buf *out)
{
    buf_append_str(out, "*|");
    for (size_t i = 0; i < p->name.len; i++) {
        if (memchr("[]\\^", p->name.ptr[i], 4) != NULL)
            buf_append_char(out, '\\');
        buf_append_char(out, p->name.ptr[i]);
    }
    buf_append(out, "*", sizeof "*");
}
