/* Events and service checks, by the plain reading. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "support/plain_reader.h"

/* `\n` becomes LF, and where `colons` is set `m\:` becomes `m:`. */
static struct slice unescaped(struct slice s, bool colons, char *room)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        bool more = i + 1 < s.len;
        if (s.ptr[i] == '\\' && more && s.ptr[i + 1] == 'n') {
            room[n++] = '\n';
            i++;
        } else if (colons && s.len - i >= 3 && memcmp(s.ptr + i, "m\\:", 3) == 0) {
            room[n++] = 'm';
            room[n++] = ':';
            i += 2;
        } else {
            room[n++] = (unsigned char)s.ptr[i] < ' ' ? '_' : s.ptr[i]; /* behind the line's end */
        }
    }
    return slice_of(room, n);
}

static void read_tags(struct slice list, struct slice *tags, uint32_t *n)
{
    *n = 0; /* of several sections the last counts, as of other fields */
    while (list.len > 0) {
        struct slice one = plain_cut(&list, ',');
        if (one.len > 0 && *n < EVENT_TAGS_MAX)
            tags[(*n)++] = one;
    }
}

/* The value of an attribute with that key, "h:" */
static bool is_attribute(struct slice field, const char *key, struct slice *ret)
{
    if (!slice_starts(field, slice_str(key)))
        return false;
    *ret = slice_of(field.ptr + strlen(key), field.len - strlen(key));
    return ret->len > 0 || key[0] == '#'; /* an empty value is no valid one */
}

static void event_attribute(struct slice f, struct event *e)
{
    static const char *const alerts[] = { "error", "warning", "info", "success" };
    struct slice v;
    if (is_attribute(f, "d:", &v))
        e->has_timestamp |= plain_seconds(v, &e->timestamp);
    else if (is_attribute(f, "h:", &v))
        e->hostname = v;
    else if (is_attribute(f, "k:", &v))
        e->aggregation_key = v;
    else if (is_attribute(f, "s:", &v))
        e->source_type = v;
    else if (is_attribute(f, "p:", &v) && slice_eq(v, SLICE_LIT("normal")))
        e->priority = "normal";
    else if (is_attribute(f, "p:", &v) && slice_eq(v, SLICE_LIT("low")))
        e->priority = "low";
    else if (is_attribute(f, "#", &v))
        read_tags(v, e->tags, &e->n_tags);
    for (size_t i = 0; i < ARRAY_LEN(alerts); i++)
        if (is_attribute(f, "t:", &v) && slice_eq(v, slice_str(alerts[i])))
            e->alert_type = alerts[i];
}

/* 1 to 9 digits, up to `end`, which is cut off too. */
static bool read_length(struct slice *rest, char end, size_t *ret)
{
    size_t n = 0;
    *ret = 0;
    while (n < rest->len && n < 9 && rest->ptr[n] >= '0' && rest->ptr[n] <= '9')
        *ret = *ret * 10 + (size_t)(rest->ptr[n++] - '0');
    if (n == 0 || n == rest->len || rest->ptr[n] != end)
        return false;
    *rest = slice_of(rest->ptr + n + 1, rest->len - n - 1);
    return true;
}

/* Cut n bytes off the front. */
static struct slice take(struct slice *rest, size_t n)
{
    struct slice head = slice_of(rest->ptr, n);
    *rest = slice_of(rest->ptr + n, rest->len - n);
    return head;
}

/* Is all of it what may stand behind a line? */
static bool is_blank(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (memchr(" \t\r", s.ptr[i], 4) == NULL)
            return false;
    return true;
}

static bool has_nul(struct slice s)
{
    return s.len > 0 && memchr(s.ptr, '\0', s.len) != NULL;
}

/* The front of an event.  returns  false: it is none; *rest: "" or "|attribute.." */
static bool read_front(struct slice *rest, struct slice line, struct event *e, char *room)
{
    size_t title, text;
    take(rest, 3);
    if (!read_length(rest, ',', &title) || !read_length(rest, '}', &text))
        return false;
    if (rest->len < 1 || take(rest, 1).ptr[0] != ':' || title < 1 || rest->len < title + 1 + text)
        return false;
    e->title = take(rest, title);
    if (take(rest, 1).ptr[0] != '|')
        return false;
    e->text = take(rest, text);
    if (has_nul(e->title) || has_nul(e->text))
        return false;
    e->title = unescaped(e->title, false, room);
    e->text = unescaped(e->text, false, room + title);
    if (is_blank(*rest)) {
        rest->len = 0;
        return true;
    }
    rest->len = (size_t)(line.ptr + line.len - rest->ptr); /* the rest without the blanks */
    return rest->ptr[0] == '|';
}

void plain_event(struct slice line, struct slice whole, struct said *ret)
{
    struct event e = { .priority = "normal", .alert_type = "info" };
    char *room = mem_alloc(whole.len);
    struct slice rest = whole;
    if (read_front(&rest, line, &e, room)) {
        while (rest.len > 0)
            event_attribute(plain_cut(&rest, '|'), &e);
        said_event(ret, &e);
    } else {
        ret->errors[REASON_BAD_EVENT]++;
    }
    free(room);
}

void plain_check(struct slice line, struct said *ret)
{
    struct service_check c = { 0 };
    char *room = mem_alloc(line.len);
    struct slice rest = slice_of(line.ptr + 4, line.len - 4), v;
    c.name = plain_cut(&rest, '|');
    v = plain_cut(&rest, '|');
    bool good = c.name.len > 0 && v.len == 1 && v.ptr[0] >= '0' && v.ptr[0] <= '3';
    if (good)
        c.status = (uint8_t)(v.ptr[0] - '0');
    else
        ret->errors[REASON_BAD_SERVICE_CHECK]++;
    while (rest.len > 0) {
        struct slice f = plain_cut(&rest, '|');
        if (is_attribute(f, "d:", &v))
            c.has_timestamp |= plain_seconds(v, &c.timestamp);
        else if (is_attribute(f, "h:", &v))
            c.hostname = v;
        else if (is_attribute(f, "m:", &v))
            c.message = unescaped(v, true, room);
        else if (is_attribute(f, "#", &v))
            read_tags(v, c.tags, &c.n_tags);
    }
    if (good)
        said_check(ret, &c);
    free(room);
}
