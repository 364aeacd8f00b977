/*
 *     shift_append   for each line: head_of: what no timestamp is in -> append_fields
 */
#include "cmd/replay/shift.h"

#include "base/number.h"

/* What a timestamp is behind, and where in a line it may be. */
struct rule {
    struct slice key;
    unsigned first; /* of the fields that may be one; what lies before is a name, a value, a type */
};

/* A field as the protocol has it: the key and whole seconds, 1 at least. */
static bool field_moved(struct slice field, struct slice key, int64_t by_s, int64_t *ret)
{
    int64_t at_s, moved_s;
    if (!slice_starts(field, key) ||
        !number_parse_int(slice_of(field.ptr + key.len, field.len - key.len), &at_s) || at_s < 1)
        return false;
    if (__builtin_add_overflow(at_s, by_s, &moved_s) || moved_s < 1)
        return false;
    *ret = moved_s;
    return true;
}

/* Of field|field|field, without what ends the line. */
static size_t append_fields(struct slice line, const struct rule *rule, int64_t by_s,
                            struct buf *out)
{
    size_t moved = 0;
    struct slice field;
    for (unsigned i = 0;; i++) {
        int64_t at_s;
        bool last = !slice_cut(&line, '|', &field);
        field = last ? line : field;
        if (i >= rule->first && field_moved(field, rule->key, by_s, &at_s)) {
            char digits[NUMBER_TEXT_MAX];
            buf_append_slice(out, rule->key);
            buf_append(out, digits, number_print_i64(digits, at_s));
            moved++;
        } else {
            buf_append_slice(out, field);
        }
        if (last)
            return moved;
        buf_append_char(out, '|');
    }
}

/* "12," or "12}": cut off *s. */
static bool length_cut(struct slice *s, char end, size_t *ret)
{
    struct slice digits;
    int64_t n;
    if (!slice_cut(s, end, &digits) || !number_parse_int(digits, &n) || n < 0)
        return false;
    *ret = (size_t)n;
    return true;
}

/* How long the `_e{5,4}:title|text` of an event is, which may look like fields.  The whole line,
 * if it is none. */
static size_t event_head(struct slice line)
{
    struct slice rest = slice_of(line.ptr + 3, line.len - 3);
    size_t title, text;
    if (!length_cut(&rest, ',', &title) || !length_cut(&rest, '}', &text))
        return line.len;
    const size_t before = (size_t)(rest.ptr - line.ptr) + 1;
    if (rest.len < 2 || title > rest.len - 2 || text > rest.len - 2 - title)
        return line.len;
    return before + title + 1 + text;
}

static size_t append_line(struct slice line, int64_t by_s, struct buf *out)
{
    const struct rule metric = { SLICE_LIT("T"), 2 }, event = { SLICE_LIT("d:"), 1 },
                      check = { SLICE_LIT("d:"), 3 };
    if (slice_starts(line, SLICE_LIT("_sc|")))
        return append_fields(line, &check, by_s, out);
    if (!slice_starts(line, SLICE_LIT("_e{")))
        return append_fields(line, &metric, by_s, out);
    const size_t head = event_head(line);
    buf_append(out, line.ptr, head);
    return append_fields(slice_of(line.ptr + head, line.len - head), &event, by_s, out);
}

static bool may_have_one(struct slice datagram)
{
    return memmem(datagram.ptr, datagram.len, "|T", 2) != NULL ||
           memmem(datagram.ptr, datagram.len, "|d:", 3) != NULL;
}

size_t shift_append(struct slice datagram, int64_t by_s, struct buf *out)
{
    size_t moved = 0;
    bool last;
    if (!may_have_one(datagram)) {
        buf_append_slice(out, datagram);
        return 0;
    }
    do {
        struct slice line;
        last = !slice_cut(&datagram, '\n', &line);
        line = last ? datagram : line;
        size_t n = line.len;
        while (n > 0 && (line.ptr[n - 1] == '\r' || line.ptr[n - 1] == ' '))
            n--;
        moved += append_line(slice_of(line.ptr, n), by_s, out);
        buf_append(out, line.ptr + n, line.len - n);
        if (!last)
            buf_append_char(out, '\n');
    } while (!last);
    return moved;
}
