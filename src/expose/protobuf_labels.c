#include "expose/protobuf_labels.h"

#include "expose/wire.h"

/* Field numbers of LabelPair in metrics.proto. */
enum { LABEL_NAME = 1, LABEL_VALUE = 2 };

/* But for the last, no label is shorter than `a="",`. */
size_t protobuf_labels_room(struct slice labels)
{
    return labels.len + (labels.len / 5 + 1) * 3 * WIRE_NESTED_MAX + sizeof(uint64_t);
}

/* The high bit of each byte of v that is c; above the lowest of them there may be others, too. */
static uint64_t bytes_equal(uint64_t v, char c)
{
    const uint64_t ones = 0x0101010101010101;
    v ^= ones * (unsigned char)c;
    return (v - ones) & ~v & ones << 7;
}

/*
 * Copy up to the next `stop` or backslash, which there is; eight bytes at a time, so up to seven
 * behind it are written over.   returns  how many bytes come before it
 */
static size_t copy_until(char *to, const char *at, const char *end, char stop)
{
    size_t n = 0;
    for (; end - at >= (ptrdiff_t)(n + 8); n += 8) {
        uint64_t eight;
        memcpy(&eight, at + n, sizeof eight);
        memcpy(to + n, &eight, sizeof eight);
        eight = le64toh(eight);
        uint64_t found = bytes_equal(eight, stop) | bytes_equal(eight, '\\');
        if (found != 0)
            return n + (size_t)__builtin_ctzll(found) / 8;
    }
    for (; at[n] != stop && at[n] != '\\'; n++)
        to[n] = at[n];
    return n;
}

/* From behind the first quote to behind the second one.   returns  the end of what was written */
static char *put_unescaped(char *to, const char **at, const char *end)
{
    while (true) {
        size_t n = copy_until(to, *at, end, '"');
        *at += n + 1;
        to += n;
        if ((*at)[-1] == '"')
            return to;
        *to++ = **at == 'n' ? '\n' : **at;
        (*at)++;
    }
}

char *protobuf_labels(char *to, unsigned field, struct slice labels)
{
    if (labels.len == 0) /* and ptr may be NULL */
        return to;
    const char *at = labels.ptr, *end = labels.ptr + labels.len;
    while (at < end) {
        char *pair = wire_open(to, field), *name = wire_open(pair, LABEL_NAME);
        size_t name_len = copy_until(name, at, end, '=');
        char *value = wire_open(wire_close(name, name + name_len), LABEL_VALUE);
        at += name_len + 2; /* = and a quote */
        to = wire_close(value, put_unescaped(value, &at, end));
        to = wire_close(pair, to);
        at += at < end; /* the comma */
    }
    return to;
}
