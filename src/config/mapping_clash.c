/**
 *   mapping_clash_find     in the order of the file, each rule against the names before it
 *     first_of             has its name come before it with other types?
 *     longer_name          is it X_sum, X_count or X_bucket of an X before it?
 *     shorter_name         has its X_sum, X_count or X_bucket come before it?
 *
 * A name remembers, for each set of types, the first rule that makes that set: a rule is compared
 * with 15 sets, not with all rules of its name.
 */
#include "config/mapping_clash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/text_index.h"

struct name {
    uint32_t first[MAPPING_MAKES_END]; /* by set; MAPPING_CLASH_NONE */
};

struct names {
    struct text_index index; /* name -> place in at */
    struct name *at;
    size_t n, cap;
};

enum { OBSERVERS = MAPPING_MAKES_SUMMARY | MAPPING_MAKES_HISTOGRAM };

static const struct {
    const char *text;
    unsigned of; /* what has it */
} suffixes[] = { { "_sum", OBSERVERS },
                 { "_count", OBSERVERS },
                 { "_bucket", MAPPING_MAKES_HISTOGRAM } };

unsigned mapping_clash_makes(const struct mapping_file_rule *rule)
{
    unsigned observer = rule->options.histogram ? MAPPING_MAKES_HISTOGRAM : MAPPING_MAKES_SUMMARY;
    if ((rule->classes & MAPPING_FILE_OBSERVER) != 0 && rule->meant_observer)
        return observer;
    return (rule->classes & MAPPING_FILE_COUNTER ? MAPPING_MAKES_COUNTER : 0) |
           (rule->classes & MAPPING_FILE_GAUGE ? MAPPING_MAKES_GAUGE : 0) |
           (rule->classes & MAPPING_FILE_OBSERVER ? observer : 0);
}

static const struct name *find_name(const struct names *names, struct slice text)
{
    uint32_t i = text_index_find(&names->index, 0, text);
    return i != TEXT_INDEX_NONE ? &names->at[i] : NULL;
}

static void add_name(struct names *names, struct slice text, unsigned makes, uint32_t rule)
{
    uint32_t fresh = (uint32_t)names->n, i = text_index_add(&names->index, 0, text, fresh);
    if (i == fresh) {
        names->at = mem_grow(names->at, &names->cap, names->n + 1, sizeof *names->at);
        memset(&names->at[names->n++], 0xff, sizeof *names->at);
    }
    if (names->at[i].first[makes] == MAPPING_CLASH_NONE)
        names->at[i].first[makes] = rule;
}

/* The first rule of the name whose set passes: `none` of its types in it, and none outside of
 * `only`. */
static uint32_t first_of(const struct name *name, unsigned none, unsigned only)
{
    uint32_t best = MAPPING_CLASH_NONE;
    for (unsigned set = 1; name != NULL && set < MAPPING_MAKES_END; set++) {
        if ((set & none) == 0 && (set & ~only) == 0 && name->first[set] < best)
            best = name->first[set];
    }
    return best;
}

static void keep_earlier(struct mapping_clash *c, uint32_t with, const char *suffix, bool other)
{
    if (with < c->with)
        *c = (struct mapping_clash){ with, suffix, other };
}

static void longer_name(const struct names *names, struct slice name, struct mapping_clash *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        struct slice suffix = slice_str(suffixes[i].text);
        if (!slice_ends(name, suffix) || name.len == suffix.len)
            continue;
        const struct name *base = find_name(names, slice_of(name.ptr, name.len - suffix.len));
        keep_earlier(ret, first_of(base, 0, suffixes[i].of), suffixes[i].text, false);
    }
}

static void shorter_name(const struct names *names, struct slice name, unsigned makes,
                         struct mapping_clash *ret)
{
    struct buf longer = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        if ((makes & ~suffixes[i].of) != 0)
            continue;
        buf_clear(&longer);
        buf_append_slice(&longer, name);
        buf_append_str(&longer, suffixes[i].text);
        keep_earlier(ret, first_of(find_name(names, buf_slice(&longer)), 0, ~0u), suffixes[i].text,
                     true);
    }
    buf_release(&longer);
}

struct mapping_clash *mapping_clash_find(const struct mapping_file *f, const bool *left_out)
{
    struct mapping_clash *ret = mem_alloc(f->n_rules * sizeof *ret);
    struct names names = { 0 };
    for (uint32_t i = 0; i < f->n_rules; i++) {
        const struct mapping_file_rule *rule = &f->rules[i];
        struct slice name = slice_str(rule->name);
        ret[i] = (struct mapping_clash){ MAPPING_CLASH_NONE, "", false };
        if (left_out[i] || rule->drop || memchr(name.ptr, '$', name.len) != NULL)
            continue;
        unsigned makes = mapping_clash_makes(rule);
        assert(makes > 0 && makes < MAPPING_MAKES_END);
        keep_earlier(&ret[i], first_of(find_name(&names, name), makes, ~0u), "", false);
        longer_name(&names, name, &ret[i]);
        shorter_name(&names, name, makes, &ret[i]);
        add_name(&names, name, makes, i);
    }
    text_index_release(&names.index);
    free(names.at);
    return ret;
}
