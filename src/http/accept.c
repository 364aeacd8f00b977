#include "http/accept.h"

#include <ctype.h>
#include <strings.h>

/* Where the first sep outside of quotes is; the length, where there is none. */
static size_t find(struct slice s, char sep)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < s.len && (quoted || s.ptr[i] != sep); i++) {
        if (quoted && s.ptr[i] == '\\')
            i += i + 1 < s.len;
        else if (s.ptr[i] == '"')
            quoted = !quoted;
    }
    return i;
}

/* Cut off the part up to sep or the end, without the white space around it. */
static struct slice next_part(struct slice *rest, char sep)
{
    size_t n = find(*rest, sep), skip = n < rest->len;
    struct slice part = slice_of(rest->ptr, n);
    *rest = slice_of(rest->ptr + n + skip, rest->len - n - skip);
    return slice_trim(part, SLICE_LIT(" \t"));
}

bool http_accept_same(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

bool http_accept_param(struct slice *params, struct slice *ret_name, struct slice *ret_value)
{
    if (params->len == 0)
        return false;
    struct slice value = next_part(params, ';');
    struct slice name = next_part(&value, '=');
    value = slice_trim(value, SLICE_LIT(" \t"));
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = slice_of(value.ptr + 1, value.len - 2);
    *ret_name = name;
    *ret_value = value;
    return true;
}

/* qvalue = "0" ["." *3DIGIT] / "1" ["." *3"0"], in thousandths; 0 for what is none */
static unsigned quality(struct slice q)
{
    unsigned sum = 0, digit = HTTP_Q_MAX;
    if (q.len == 0 || q.len > 5 || (q.len > 1 && q.ptr[1] != '.'))
        return 0;
    for (size_t i = 0; i < q.len; i += i == 0 ? 2 : 1, digit /= 10) {
        if (!isdigit((unsigned char)q.ptr[i]))
            return 0;
        sum += (unsigned)(q.ptr[i] - '0') * digit;
    }
    return sum <= HTTP_Q_MAX ? sum : 0;
}

bool http_accept_next(struct slice *list, struct http_accept *ret)
{
    if (list->len == 0)
        return false;
    struct http_accept a = { .params = next_part(list, ','), .q = HTTP_Q_MAX };
    a.name = next_part(&a.params, ';');
    a.params = slice_trim(a.params, SLICE_LIT(" \t"));
    struct slice params = a.params, name, value;
    while (http_accept_param(&params, &name, &value))
        if (http_accept_same(name, SLICE_LIT("q")))
            a.q = quality(value);
    *ret = a;
    return true;
}

bool http_accept_gzip(struct slice accept_encoding)
{
    bool any = false, named = false, gzip = false;
    struct http_accept a;
    while (http_accept_next(&accept_encoding, &a)) {
        if (http_accept_same(a.name, SLICE_LIT("gzip")) ||
            http_accept_same(a.name, SLICE_LIT("x-gzip"))) {
            named = true;
            gzip |= a.q > 0;
        } else if (slice_eq(a.name, SLICE_LIT("*"))) {
            any |= a.q > 0;
        }
    }
    return named ? gzip : any;
}
