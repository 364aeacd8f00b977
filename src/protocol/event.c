/*
 *     event_parse           _e{LENGTH,LENGTH}:TITLE|TEXT, then event_field for each field
 *     service_check_parse   _sc|NAME|STATUS, then its fields
 *
 * Both use field_next, field_is (k:value), tags_read and timestamp_read, and unescape what clients
 * escape.  A field whose value is not valid is ignored; of several with one key the last counts.
 */
#include "protocol/event.h"

#include <assert.h>
#include <string.h>

#include "base/number.h"
#include "protocol/bytes.h"

enum { LENGTH_DIGITS_MAX = 9 };

/* The clean-up of a line's end, for what comes after the counted text. */
static struct slice trim_end(struct slice s)
{
    while (s.len > 0 && bytes_is_trailing(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Take 1 to 9 digits and the byte `until` off the front of s. */
static bool length_read(struct slice *s, char until, size_t *ret)
{
    struct slice digits;
    int64_t v;
    if (!slice_cut(s, until, &digits) || digits.len > LENGTH_DIGITS_MAX)
        return false;
    if (!number_parse_int(digits, &v))
        return false;
    *ret = (size_t)v;
    return true;
}

/* Take n bytes off the front of s. */
static struct slice take(struct slice *s, size_t n)
{
    assert(n <= s->len);
    struct slice head = slice_of(s->ptr, n);
    *s = slice_of(s->ptr + n, s->len - n);
    return head;
}

static bool take_char(struct slice *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    take(s, 1);
    return true;
}

/*
 * Copy s to *room with `\n` as LF and, in messages, `m\:` as `m:`; *room then points after the
 * copy.  Control bytes at the line's end, which may be part of the counted text of an event, become
 * '_' here; all others are already.
 */
static struct slice unescape(struct slice s, bool message, char **room)
{
    char *out = *room;
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool escaped = c == '\\' && i + 1 < s.len;
        if (escaped && s.ptr[i + 1] == 'n') {
            out[n++] = '\n';
            i++;
        } else if (escaped && message && s.ptr[i + 1] == ':' && i > 0 && s.ptr[i - 1] == 'm') {
            out[n++] = ':';
            i++;
        } else {
            out[n++] = (unsigned char)c < 0x20 ? '_' : c;
        }
    }
    *room += n;
    return slice_of(out, n);
}

/* The next field that is not empty.  false at the end. */
static bool field_next(struct slice *rest, struct slice *ret)
{
    while (rest->len > 0) {
        struct slice one;
        if (!slice_cut(rest, '|', &one))
            one = take(rest, rest->len);
        if (one.len > 0) {
            *ret = one;
            return true;
        }
    }
    return false;
}

/* The value of a field `k:value`; false when it is another field, or empty. */
static bool field_is(struct slice field, char key, struct slice *ret)
{
    if (field.len < 3 || field.ptr[0] != key || field.ptr[1] != ':')
        return false;
    *ret = slice_of(field.ptr + 2, field.len - 2);
    return true;
}

static uint32_t tags_read(struct slice list, struct slice *tags)
{
    uint32_t n = 0;
    bool last = false;
    while (!last && n < EVENT_TAGS_MAX) {
        struct slice one = list;
        last = !slice_cut(&list, ',', &one);
        if (one.len > 0)
            tags[n++] = one;
    }
    assert(n <= EVENT_TAGS_MAX);
    return n;
}

static void timestamp_read(struct slice s, bool *ret_has, int64_t *ret)
{
    int64_t t;
    if (!number_parse_int(s, &t) || t < 1)
        return;
    *ret_has = true;
    *ret = t;
}

/* The one of the words that s is, or `was`. */
static const char *word_of(struct slice s, const char *const *words, size_t n, const char *was)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(s, slice_str(words[i])))
            return words[i];
    return was;
}

const char *event_alert_word(enum event_alert a)
{
    static const char *const words[] = {
#define X(id, word) word,
        EVENT_ALERTS(X)
#undef X
    };
    assert(a < EVENT_ALERT_COUNT);
    return words[a];
}

const char *check_status_word(enum check_status st)
{
    static const char *const words[] = {
#define X(id, word) word,
        CHECK_STATUSES(X)
#undef X
    };
    assert(st < CHECK_STATUS_COUNT);
    return words[st];
}

static enum event_alert alert_of(struct slice s, enum event_alert was)
{
    for (int a = 0; a < EVENT_ALERT_COUNT; a++)
        if (slice_eq(s, slice_str(event_alert_word((enum event_alert)a))))
            return (enum event_alert)a;
    return was;
}

static void event_field(struct slice field, struct event *e)
{
    static const char *const priorities[] = { "normal", "low" };
    struct slice v;
    if (field.ptr[0] == '#')
        e->n_tags = tags_read(slice_of(field.ptr + 1, field.len - 1), e->tags);
    else if (field_is(field, 'd', &v))
        timestamp_read(v, &e->has_timestamp, &e->timestamp);
    else if (field_is(field, 'h', &v))
        e->hostname = v;
    else if (field_is(field, 'k', &v))
        e->aggregation_key = v;
    else if (field_is(field, 's', &v))
        e->source_type = v;
    else if (field_is(field, 'p', &v))
        e->priority = word_of(v, priorities, ARRAY_LEN(priorities), e->priority);
    else if (field_is(field, 't', &v))
        e->alert = alert_of(v, e->alert);
}

enum reason event_parse(struct slice line, char *room, struct event *ret)
{
    struct slice rest = line, none = { NULL, 0 };
    size_t title_len, text_len;
    if (!slice_starts(rest, SLICE_LIT("_e{")))
        return REASON_BAD_EVENT;
    take(&rest, 3);
    if (!length_read(&rest, ',', &title_len) || !length_read(&rest, '}', &text_len))
        return REASON_BAD_EVENT;
    if (!take_char(&rest, ':'))
        return REASON_BAD_EVENT;
    if (title_len == 0 || title_len > rest.len)
        return REASON_BAD_EVENT;
    struct slice title = take(&rest, title_len);
    if (!take_char(&rest, '|') || text_len > rest.len)
        return REASON_BAD_EVENT;
    struct slice text = take(&rest, text_len);
    rest = trim_end(rest);
    if ((rest.len > 0 && rest.ptr[0] != '|') || memchr(title.ptr, '\0', title.len) ||
        (text.len > 0 && memchr(text.ptr, '\0', text.len)))
        return REASON_BAD_EVENT;
    ret->title = unescape(title, false, &room);
    ret->text = unescape(text, false, &room);
    assert(ret->title.len <= title_len && ret->text.len <= text_len);
    ret->hostname = ret->aggregation_key = ret->source_type = none;
    ret->priority = "normal";
    ret->alert = EVENT_ALERT_INFO;
    ret->has_timestamp = false;
    ret->timestamp = 0;
    ret->n_tags = 0;
    for (struct slice field; field_next(&rest, &field);)
        event_field(field, ret);
    ret->alert_type = event_alert_word(ret->alert);
    return REASON_NONE;
}

enum reason service_check_parse(struct slice line, char *room, struct service_check *ret)
{
    struct slice rest = line, none = { NULL, 0 }, status, v;
    if (!slice_starts(rest, SLICE_LIT("_sc|")))
        return REASON_BAD_SERVICE_CHECK;
    take(&rest, 4); /* "_sc|" */
    if (!slice_cut(&rest, '|', &ret->name) || ret->name.len == 0)
        return REASON_BAD_SERVICE_CHECK;
    if (!slice_cut(&rest, '|', &status))
        status = take(&rest, rest.len);
    if (status.len != 1 || status.ptr[0] < '0' || status.ptr[0] > '3')
        return REASON_BAD_SERVICE_CHECK;
    ret->status = (uint8_t)(status.ptr[0] - '0');
    ret->hostname = none;
    ret->has_timestamp = false;
    ret->timestamp = 0;
    ret->n_tags = 0;
    struct slice message = none;
    for (struct slice field; field_next(&rest, &field);) {
        if (field.ptr[0] == '#')
            ret->n_tags = tags_read(slice_of(field.ptr + 1, field.len - 1), ret->tags);
        else if (field_is(field, 'd', &v))
            timestamp_read(v, &ret->has_timestamp, &ret->timestamp);
        else if (field_is(field, 'h', &v))
            ret->hostname = v;
        else if (field_is(field, 'm', &v))
            message = v;
    }
    ret->message = message.ptr != NULL ? unescape(message, true, &room) : none;
    return REASON_NONE;
}
