#include "app/hint.h"

#include <strings.h>

#include "app/option_value.h"
#include "base/number.h"

struct slice hint_trim(struct slice s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = slice_of(s.ptr + 1, s.len - 1);
    while (s.len > 0 && strchr(" \t\r", s.ptr[s.len - 1]) != NULL)
        s.len--;
    return s;
}

static struct slice up_to(struct slice s, char end)
{
    struct slice head = s;
    slice_cut(&s, end, &head);
    return head;
}

void hint_line_cut(const struct config *c, struct slice line, enum reason reason, size_t at, struct hint_line *ret)
{
    struct hint_line l = { .config = c, .line = hint_trim(line), .reason = reason };
    struct slice rest = l.line;
    if (at < line.len)
        l.bad = hint_trim(up_to(slice_of(line.ptr + at, line.len - at), '|'));
    if (slice_cut(&rest, ':', &l.name)) {
        if (slice_cut(&rest, '|', &l.value)) {
            l.type = rest;
            if (slice_cut(&rest, '|', &l.type))
                l.fields = rest;
        } else
            l.value = rest;
    }
    *ret = l;
}

void hint_put(struct slice s, struct buf *out)
{
    option_value_escape(s, out);
}

void hint_put_number(double v, struct buf *out)
{
    char *at = buf_reserve(out, NUMBER_TEXT_MAX);
    out->len += number_print(at, v);
}

bool hint_has(struct slice s, const char *part)
{
    return s.len > 0 && memmem(s.ptr, s.len, part, strlen(part)) != NULL;
}

bool hint_starts(struct slice s, const char *chars)
{
    return s.len > 0 && s.ptr[0] != '\0' && strchr(chars, s.ptr[0]) != NULL;
}

bool hint_is_number(struct slice s)
{
    double v;
    return number_parse(s, &v);
}

bool hint_is_word(struct slice s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s.len == strlen(words[i]) && strncasecmp(s.ptr, words[i], s.len) == 0)
            return true;
    }
    return false;
}

void hint_put_line(const struct hint_line *l, struct slice value, const char *type, struct buf *out)
{
    buf_append_str(out, "write ");
    hint_put(l->name, out);
    buf_append_char(out, ':');
    hint_put(value, out);
    buf_append_char(out, '|');
    hint_put(type != NULL ? slice_str(type) : l->type, out);
}

bool hint_first(const struct hint_row *rows, size_t n, const struct hint_line *l, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if ((rows[i].reason == REASON_COUNT || rows[i].reason == l->reason) && rows[i].say(l, out))
            return true;
    }
    return false;
}

bool hint_error(const struct hint_line *l, struct buf *out)
{
    return hint_shape(l, out) || hint_value(l, out);
}

size_t hint_number(struct slice s, double *ret)
{
    size_t most = 0;
    while (most < s.len && most < 40 && strchr("+-.0123456789eE", s.ptr[most]) != NULL)
        most++;
    for (; most > 0; most--) {
        if (number_parse(slice_of(s.ptr, most), ret))
            return most;
    }
    return 0;
}

const char *hint_type(struct slice word)
{
    static const struct {
        const char *word, *type;
    } words[] = {
        { "c", "c" }, { "count", "c" }, { "counter", "c" }, { "counts", "c" }, { "counters", "c" }, { "incr", "c" }, { "increment", "c" },
        { "decr", "c" }, { "m", "c" }, { "meter", "c" }, { "rate", "c" },
        { "g", "g" }, { "gauge", "g" }, { "gauges", "g" }, { "kv", "g" },
        { "ms", "ms" }, { "t", "ms" }, { "time", "ms" }, { "timer", "ms" }, { "timers", "ms" }, { "timing", "ms" }, { "timings", "ms" },
        { "millis", "ms" }, { "milliseconds", "ms" }, { "duration", "ms" },
        { "h", "h" }, { "hist", "h" }, { "histogram", "h" }, { "histograms", "h" }, { "summary", "h" },
        { "d", "d" }, { "dist", "d" }, { "distribution", "d" },
        { "s", "s" }, { "set", "s" }, { "sets", "s" }, { "unique", "s" }, { "uniques", "s" },
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (word.len == strlen(words[i].word) && strncasecmp(word.ptr, words[i].word, word.len) == 0)
            return words[i].type;
    }
    return NULL;
}
