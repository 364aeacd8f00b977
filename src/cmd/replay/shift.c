#include "cmd/replay/shift.h"

#include "base/number.h"

/* Is it a metric, or what is read by other rules? */
static bool is_metric(struct slice line)
{
    return !slice_starts(line, SLICE_LIT("_e{")) && !slice_starts(line, SLICE_LIT("_sc|"));
}

/* A field as the protocol has it: T and whole seconds, 1 at least. */
static bool field_moved(struct slice field, int64_t by_s, int64_t *ret)
{
    int64_t at_s, moved_s;
    if (field.len < 2 || field.ptr[0] != 'T' ||
        !number_parse_int(slice_of(field.ptr + 1, field.len - 1), &at_s) || at_s < 1)
        return false;
    if (__builtin_add_overflow(at_s, by_s, &moved_s) || moved_s < 1)
        return false;
    *ret = moved_s;
    return true;
}

/* name:value|type|field|field, without what ends the line. */
static size_t append_line(struct slice line, int64_t by_s, struct buf *out)
{
    size_t moved = 0;
    struct slice field;
    for (unsigned i = 0;; i++) {
        int64_t at_s;
        bool last = !slice_cut(&line, '|', &field);
        field = last ? line : field;
        if (i >= 2 && field_moved(field, by_s, &at_s)) {
            char digits[NUMBER_TEXT_MAX];
            buf_append_char(out, 'T');
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

size_t shift_append(struct slice datagram, int64_t by_s, struct buf *out)
{
    size_t moved = 0;
    bool last;
    if (memmem(datagram.ptr, datagram.len, "|T", 2) == NULL) {
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
        struct slice body = slice_of(line.ptr, n);
        if (is_metric(body))
            moved += append_line(body, by_s, out);
        else
            buf_append_slice(out, body);
        buf_append(out, line.ptr + n, line.len - n);
        if (!last)
            buf_append_char(out, '\n');
    } while (!last);
    return moved;
}
