#include "http/encoding.h"

#include <ctype.h>
#include <strings.h>

/* Cut off the part up to sep or the end, without the white space around it. */
static struct slice next_part(struct slice *rest, char sep)
{
    struct slice part;
    if (!slice_cut(rest, sep, &part)) {
        part = *rest;
        *rest = (struct slice){ 0 };
    }
    return slice_trim(part, SLICE_LIT(" \t"));
}

static bool equals(struct slice s, const char *lower)
{
    return s.len == strlen(lower) && strncasecmp(s.ptr, lower, s.len) == 0;
}

/* qvalue = "0" ["." *3DIGIT] / "1" ["." *3"0"]: is q well-formed, and above 0? */
static bool quality_above_zero(struct slice q)
{
    if (q.len == 0 || q.len > 5 || (q.ptr[0] != '0' && q.ptr[0] != '1'))
        return false;
    if (q.len > 1 && q.ptr[1] != '.')
        return false;
    bool above = q.ptr[0] == '1';
    for (size_t i = 2; i < q.len; i++) {
        if (!isdigit((unsigned char)q.ptr[i]) || (q.ptr[0] == '1' && q.ptr[i] != '0'))
            return false;
        above |= q.ptr[i] != '0';
    }
    return above;
}

/* params: what follows the name of an encoding, as in "gzip;q=0.5" */
static bool accepted(struct slice params)
{
    while (params.len > 0) {
        struct slice p = next_part(&params, ';');
        if (p.len >= 2 && (p.ptr[0] | 0x20) == 'q' && p.ptr[1] == '=')
            return quality_above_zero(slice_of(p.ptr + 2, p.len - 2));
    }
    return true;
}

bool http_encoding_gzip(struct slice accept_encoding)
{
    bool any = false;
    while (accept_encoding.len > 0) {
        struct slice params = next_part(&accept_encoding, ',');
        struct slice name = next_part(&params, ';');
        if (equals(name, "gzip") || equals(name, "x-gzip"))
            return accepted(params);
        if (equals(name, "*"))
            any = accepted(params);
    }
    return any;
}
