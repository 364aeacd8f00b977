/* May a family stand under its name: the names that no client gets, and the lines that another family makes. */
#include <string.h>

#include "aggregate/naming.h"
#include "aggregate/registry_priv.h"

static const struct {
    const char *suffix;
    bool summary, histogram;   /* who makes lines of that name */
} made[] = {
    { "_sum", true, true },
    { "_count", true, true },
    { "_bucket", false, true },
};

static bool makes(enum family_type type, size_t i)
{
    return (type == FAMILY_SUMMARY && made[i].summary) || (type == FAMILY_HISTOGRAM && made[i].histogram);
}

static struct slice join(struct registry *r, struct slice base, const char *suffix)
{
    buf_clear(&r->text);
    buf_append_slice(&r->text, base);
    buf_append_str(&r->text, suffix);
    return buf_slice(&r->text);
}

/* Would one of the lines have a name that Prometheus makes itself?  *ret is that name, in r->text or the name given. */
static bool makes_reserved(struct registry *r, struct slice name, enum family_type type, struct slice *ret)
{
    *ret = name;
    if (naming_prometheus_makes(name))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        if (!makes(type, i))
            continue;
        *ret = join(r, name, made[i].suffix);
        if (naming_prometheus_makes(*ret))
            return true;
    }
    return false;
}

/* The family that has the name, or a line's name, of one with that name and type. */
static const struct family *find_rival(struct registry *r, struct slice name, enum family_type type)
{
    const struct family *f = family_find(r, name);
    for (size_t i = 0; f == NULL && i < ARRAY_LEN(made); i++) {
        size_t n = strlen(made[i].suffix);
        if (makes(type, i))
            f = family_find(r, join(r, name, made[i].suffix));
        if (f != NULL || name.len <= n || memcmp(name.ptr + name.len - n, made[i].suffix, n) != 0)
            continue;
        f = family_find(r, slice_of(name.ptr, name.len - n));
        f = f != NULL && makes(f->type, i) ? f : NULL;
    }
    return f;
}

bool claim_name(struct registry *r, struct slice name, enum family_type type, struct obstacle *ret)
{
    struct slice line;
    if (makes_reserved(r, name, type, &line)) {
        *ret = (struct obstacle){ line, FAMILY_RESERVED };
        return false;
    }
    const struct family *f = find_rival(r, name, type);
    if (f == NULL)
        return true;
    *ret = (struct obstacle){ slice_of(f->name, f->name_len), f->type };
    return false;
}
