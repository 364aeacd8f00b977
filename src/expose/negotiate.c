#include "expose/negotiate.h"

#include <assert.h>

#include "http/accept.h"

/* How well an entry of a list fits an offer, from a wildcard to a name with all its parameters. */
enum { FITS_NOT = -1, FITS_ANY, FITS_ANY_SUBTYPE, FITS_BY_NAME };

/* What a list says of one offer: its entry that fits best decides. */
struct verdict {
    int fits;
    unsigned q;
};

static void consider(struct verdict *v, int fits, unsigned q)
{
    if (fits != FITS_NOT && (fits > v->fits || (fits == v->fits && q > v->q)))
        *v = (struct verdict){ fits, q };
}

static bool beats(struct verdict a, struct verdict b)
{
    bool named = a.fits >= FITS_BY_NAME, b_named = b.fits >= FITS_BY_NAME;
    return a.q > b.q || (a.q == b.q && a.q > 0 && named && !b_named);
}

/* ---- formats ---- */

static bool find_param(struct slice params, struct slice name, struct slice *ret_value)
{
    struct slice n;
    while (http_accept_param(&params, &n, ret_value))
        if (http_accept_same(n, name))
            return true;
    return false;
}

/* The head of a list up to sep, or all of it. */
static struct slice cut(struct slice *list, char sep)
{
    struct slice part;
    if (!slice_cut(list, sep, &part)) {
        part = *list;
        list->len = 0;
    }
    return part;
}

static bool has_all(struct slice params, const char *names)
{
    struct slice rest = slice_str(names), value;
    while (rest.len > 0)
        if (!find_param(params, cut(&rest, ';'), &value))
            return false;
    return true;
}

/*
 * How many parameters of a media range stand in ours too, with the same value; FITS_NOT when a
 * value differs.  Others (`escaping`) are wishes that we need not know.
 */
static int same_params(struct slice ours, struct slice range)
{
    int n = 0;
    struct slice name, value, our_value;
    while (http_accept_param(&range, &name, &value)) {
        if (!find_param(ours, name, &our_value))
            continue;
        if (!http_accept_same(value, our_value))
            return FITS_NOT;
        n++;
    }
    return n;
}

static int fits_range(const struct writer_ops *offer, const struct http_accept *range)
{
    struct slice params = slice_str(offer->content_type);
    struct slice type = cut(&params, ';'), subtype = type;
    struct slice main_type = slice_of(type.ptr, cut(&subtype, '/').len + 1); /* "text/" */
    if (offer->required != NULL && !has_all(range->params, offer->required))
        return FITS_NOT;
    int n = same_params(params, range->params);
    if (n == FITS_NOT)
        return FITS_NOT;
    if (http_accept_same(range->name, type))
        return FITS_BY_NAME + n;
    if (range->name.len == main_type.len + 1 && range->name.ptr[main_type.len] == '*' &&
        http_accept_same(slice_of(range->name.ptr, main_type.len), main_type))
        return FITS_ANY_SUBTYPE;
    return slice_eq(range->name, SLICE_LIT("*/*")) ? FITS_ANY : FITS_NOT;
}

size_t negotiate_format(struct slice accept, const struct writer_ops *const *offers, size_t n)
{
    size_t best = 0;
    struct verdict best_verdict = { FITS_NOT, 0 };
    assert(n > 0);
    for (size_t i = 0; i < n; i++) {
        struct verdict v = { FITS_NOT, 0 };
        struct slice rest = accept;
        struct http_accept range;
        while (http_accept_next(&rest, &range))
            consider(&v, fits_range(offers[i], &range), range.q);
        if (!beats(v, best_verdict))
            continue;
        best = i;
        best_verdict = v;
    }
    return best;
}

/* ---- encodings ---- */

static int fits_token(const struct encoding *e, struct slice token)
{
    if (http_accept_same(token, slice_str(e->token)) ||
        (e->alias != NULL && http_accept_same(token, slice_str(e->alias))))
        return FITS_BY_NAME;
    return !e->by_name_only && slice_eq(token, SLICE_LIT("*")) ? FITS_ANY : FITS_NOT;
}

enum encoding_id negotiate_encoding(struct slice accept_encoding)
{
    enum encoding_id best = ENCODING_IDENTITY;
    struct verdict best_verdict = { FITS_NOT, 0 };
    for (unsigned i = 0; i < ENCODING_COUNT; i++) {
        struct verdict v = { FITS_NOT, 0 };
        struct slice rest = accept_encoding;
        struct http_accept entry;
        while (http_accept_next(&rest, &entry))
            consider(&v, fits_token(&encodings[i], entry.name), entry.q);
        if (!beats(v, best_verdict))
            continue;
        best = (enum encoding_id)i;
        best_verdict = v;
    }
    return best;
}
