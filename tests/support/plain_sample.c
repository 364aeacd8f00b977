/*
 * One `value|type|field|..` of a line, by the plain reading.
 *
 *     plain_sample     read_values, read_field .., read_tags; then said, a gauge by its runs
 */
#include "support/plain_reader.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* What the fields of a sample say. */
struct fields {
    double rate;
    int64_t timestamp;
    bool dogstatsd; /* c: e: card: or T */
    struct slice origin;
};

static bool is_in(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* ---- numbers ---- */

static size_t digits(struct slice s, size_t at)
{
    size_t n = 0;
    while (at + n < s.len && s.ptr[at + n] >= '0' && s.ptr[at + n] <= '9')
        n++;
    return n;
}

/* ["+"/"-"] ( 1*D ["." *D] / "." 1*D ) [ ("e"/"E") ["+"/"-"] 1*D ] */
static bool is_number(struct slice s)
{
    size_t i = 0;
    if (i < s.len && is_in(s.ptr[i], "+-"))
        i++;
    size_t before = digits(s, i), behind = 0;
    i += before;
    if (i < s.len && s.ptr[i] == '.') {
        behind = digits(s, i + 1);
        i += 1 + behind;
    }
    if (before == 0 && behind == 0)
        return false;
    if (i < s.len && is_in(s.ptr[i], "eE")) {
        i++;
        if (i < s.len && is_in(s.ptr[i], "+-"))
            i++;
        size_t n = digits(s, i);
        if (n == 0)
            return false;
        i += n;
    }
    return i == s.len;
}

static bool read_number(struct slice s, double *ret)
{
    if (!is_number(s))
        return false;
    char *text = mem_strndup(s.ptr, s.len);
    *ret = strtod(text, NULL);
    free(text);
    return isfinite(*ret);
}

/* Of a number.  1e-400 is not, although it reads as 0. */
static bool is_zero(struct slice s)
{
    bool zero = true;
    for (size_t i = 0; i < s.len && !is_in(s.ptr[i], "eE"); i++)
        zero = zero && !(s.ptr[i] >= '1' && s.ptr[i] <= '9');
    return zero;
}

bool plain_seconds(struct slice text, int64_t *ret)
{
    if (text.len < 1 || text.len > 19 || digits(text, 0) != text.len)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < text.len; i++)
        v = v * 10 + (uint64_t)(text.ptr[i] - '0');
    if (v < 1 || v > INT64_MAX)
        return false;
    *ret = (int64_t)v;
    return true;
}

/* ---- tags ---- */

/* The last of a key wins. */
static void put_tag(struct plain_tags *l, struct slice key, struct slice value)
{
    size_t i = 0;
    while (i < l->n && !slice_eq(l->at[i].key, key))
        i++;
    l->at[i] = (struct said_tag){ key, value };
    l->n += i == l->n;
}

/* One element that is not empty; sep: between key and value. */
static void read_tag(const struct plain *r, struct plain_tags *l, struct slice element, char sep)
{
    l->elements++;
    if (l->why != REASON_NONE)
        return;
    if (l->elements > r->opts->max_tags)
        l->why = REASON_TOO_MANY_TAGS;
    else if (element.len > r->opts->max_tag_len)
        l->why = REASON_TAG_TOO_LONG;
    if (l->why != REASON_NONE)
        return;
    struct slice value = element, key = plain_cut(&value, sep);
    bool bare = key.len == element.len;
    if (bare && sep == ':')
        value = SLICE_LIT("true");
    if (key.len == 0 || value.len == 0)
        l->errors++;
    else if (r->opts->keep_internal || !slice_starts(key, SLICE_LIT("dd.internal.")))
        put_tag(l, key, value);
}

/* `text` is what stands behind the field's '#'. */
static void read_section(const struct plain *r, struct plain_tags *l, struct slice text)
{
    while (text.len > 0) {
        struct slice element = plain_cut(&text, ',');
        if (element.len > 0 && element.ptr[0] == '#')
            element = slice_of(element.ptr + 1, element.len - 1);
        if (element.len > 0)
            read_tag(r, l, element, ':');
    }
}

static int by_key(const void *a, const void *b)
{
    return slice_cmp(((const struct said_tag *)a)->key, ((const struct said_tag *)b)->key);
}

static bool has_tag_field(const struct plain *r, const struct plain_piece *p)
{
    bool any = false;
    for (size_t i = 0; i < p->n_fields; i++)
        any |= slice_starts(r->fields[p->first_field + i], SLICE_LIT("#"));
    return any;
}

/* Is there a good one in the name? */
static bool any_name_tag(const struct plain *r)
{
    struct slice rest = r->name_tags;
    while (rest.len > 0) {
        struct slice value = plain_cut(&rest, r->name_sep), key = plain_cut(&value, '=');
        if (key.len > 0 && value.len > 0)
            return true;
    }
    return false;
}

/* Elements of the name that are no tags, beside a field that has the tags. */
static uint64_t wrong_in_name(const struct plain *r)
{
    struct slice rest = r->name_tags;
    uint64_t n = 0;
    while (rest.len > 0)
        n += plain_cut(&rest, r->name_sep).len > 0;
    return n;
}

static void read_tags(struct plain *r, const struct plain_piece *p, struct slice origin)
{
    struct plain_tags *l = &r->tags;
    l->n = l->elements = 0;
    l->errors = 0;
    l->why = REASON_NONE;
    struct slice rest = r->name_tags;
    while (rest.len > 0 && !has_tag_field(r, p)) { /* with one, those of the name are none at all */
        struct slice element = plain_cut(&rest, r->name_sep);
        if (element.len > 0)
            read_tag(r, l, element, '=');
    }
    for (size_t i = 0; i < p->n_fields; i++) {
        struct slice f = r->fields[p->first_field + i];
        if (f.len > 0 && f.ptr[0] == '#')
            read_section(r, l, slice_of(f.ptr + 1, f.len - 1));
    }
    if (origin.len > 0) {
        if (l->why == REASON_NONE && origin.len + strlen("container_id:") > r->opts->max_tag_len)
            l->why = REASON_TAG_TOO_LONG;
        put_tag(l, SLICE_LIT("container_id"), origin);
    }
    qsort(l->at, l->n, sizeof l->at[0], by_key);
}

/* ---- a sample ---- */

/* The first of a comma list that is a container's. */
static struct slice container_of(struct slice list)
{
    while (list.len > 0) {
        struct slice one = plain_cut(&list, ',');
        if (slice_starts(one, SLICE_LIT("in-")))
            continue;
        if (slice_starts(one, SLICE_LIT("ci-")))
            one = slice_of(one.ptr + 3, one.len - 3);
        else if (slice_starts(one, SLICE_LIT("cid-")))
            one = slice_of(one.ptr + 4, one.len - 4);
        if (one.len > 0)
            return one;
    }
    return slice_of(NULL, 0);
}

static enum reason read_rate(struct slice text, struct fields *ret)
{
    double rate;
    if (text.len > 0 && text.ptr[0] == '-')
        return REASON_BAD_SAMPLE_RATE;
    if (!read_number(text, &rate) || rate > 1)
        return REASON_BAD_SAMPLE_RATE;
    if (is_zero(text))
        rate = 1;
    ret->rate = rate;
    return isinf(1 / rate) ? REASON_BAD_SAMPLE_RATE : REASON_NONE;
}

static enum reason read_field(const struct plain *r, struct slice f, struct fields *ret)
{
    struct slice rest = f.len > 0 ? slice_of(f.ptr + 1, f.len - 1) : f;
    if (f.len == 0 || f.ptr[0] == '#')
        return REASON_NONE;
    if (f.ptr[0] == '@')
        return read_rate(rest, ret);
    if (f.ptr[0] == 'T') {
        ret->dogstatsd = true;
        return plain_seconds(rest, &ret->timestamp) ? REASON_NONE : REASON_BAD_TIMESTAMP;
    }
    if (slice_starts(f, SLICE_LIT("c:"))) {
        ret->dogstatsd = true;
        if (r->opts->origin_tags)
            ret->origin = container_of(slice_of(f.ptr + 2, f.len - 2));
    } else if (slice_starts(f, SLICE_LIT("e:")) || slice_starts(f, SLICE_LIT("card:"))) {
        ret->dogstatsd = true;
    }
    return REASON_NONE;
}

/* The values of a sample that is no set.  returns  how many; 0 with *ret_why */
static size_t read_values(struct slice text, bool timing, double *ret, char *ret_signs,
                          enum reason *ret_why)
{
    size_t n = 0;
    *ret_why = REASON_BAD_VALUE;
    while (text.len > 0) {
        struct slice one = plain_cut(&text, ':');
        if (one.len == 0)
            continue;
        if (!read_number(one, &ret[n]))
            return 0;
        if (timing && ret[n] < 0) {
            *ret_why = REASON_NEGATIVE_TIMING;
            return 0;
        }
        ret_signs[n] = is_in(one.ptr[0], "+-") ? one.ptr[0] : ' ';
        n++;
    }
    return n;
}

/* Is a gauge's value with that sign a change of it? */
static bool is_relative(const struct plain *r, char sign, const struct fields *f)
{
    if (sign == ' ' || r->opts->gauge_sign == GAUGE_SIGN_ABSOLUTE)
        return false;
    if (r->opts->gauge_sign == GAUGE_SIGN_DELTA)
        return true;
    return sign == '+' ? f->timestamp == 0 : !f->dogstatsd;
}

/* Of values that differ in whether they are relative, each run is a sample. */
static void say_runs(struct plain *r, struct said_sample *s, const char *signs,
                     const struct fields *f)
{
    const double *values = s->values;
    size_t n = s->n;
    bool gauge = strcmp(s->type, "g") == 0;
    for (size_t i = 0, k; i < n; i = k) {
        s->delta = gauge && is_relative(r, signs[i], f);
        for (k = i + 1; k < n && (!gauge || is_relative(r, signs[k], f) == s->delta); k++)
            ;
        s->values = values + i;
        s->n = k - i;
        if (r->tags.why != REASON_NONE)
            r->said->errors[r->tags.why]++;
        else
            said_sample(r->said, s);
        if (r->tags.why == REASON_NONE)
            r->said->tag_errors += r->tags.errors;
    }
}

enum reason plain_sample(struct plain *r, const struct plain_piece *p)
{
    static double values[PLAIN_BYTES];
    static char signs[PLAIN_BYTES], type[3];
    struct fields f = { .rate = 1 };
    struct said_sample s = { .name = r->name, .type = type, .values = values };
    enum reason why = REASON_BAD_VALUE;
    memset(type, 0, sizeof type);
    memcpy(type, p->type.ptr, p->type.len);
    bool set = strcmp(type, "s") == 0;
    if (!set)
        s.n = read_values(p->value, strcmp(type, "ms") == 0, values, signs, &why);
    if (set ? p->value.len == 0 : s.n == 0)
        return why;
    for (size_t i = 0; i < p->n_fields; i++) {
        why = read_field(r, r->fields[p->first_field + i], &f);
        if (why != REASON_NONE)
            return why;
    }
    for (size_t i = 0; i < s.n && strcmp(type, "g") != 0; i++)
        if (!isfinite(values[i] / f.rate) || !isfinite(values[i] * (1 / f.rate)))
            return REASON_BAD_VALUE; /* a sum is of the one, a weight times a value the other */
    if (has_tag_field(r, p) && any_name_tag(r))
        return REASON_MIXED_TAG_STYLES;
    if (has_tag_field(r, p))
        r->said->tag_errors += wrong_in_name(r);
    read_tags(r, p, f.origin);
    s.rate = f.rate;
    s.timestamp = f.timestamp;
    s.tags = r->tags.at;
    s.n_tags = r->tags.n;
    if (set) {
        s.member = p->value;
        if (r->tags.why != REASON_NONE)
            return r->tags.why;
        r->said->tag_errors += r->tags.errors;
        said_sample(r->said, &s);
        return REASON_NONE;
    }
    say_runs(r, &s, signs, &f);
    return REASON_NONE;
}
